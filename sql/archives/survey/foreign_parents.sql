-- Makes the table of the replies whose parent is a comment of another article.
-- Parameters: none.
-- Safe to re-run: only on a new file of facts.
create table foreign_parents as
select absent.comment_row, min(parent.article_id) as parent_article_id
from comments as parent
-- A cross join keeps this order: one pass over the comments.
cross join absent_parents as absent
where absent.parent_comment_id = parent.comment_id
group by absent.comment_row
