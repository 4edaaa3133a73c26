-- Replies whose parent is a comment of another article.
-- Parameters: none.
-- Grain: one row per reply. Reads only.
select
    reply.article_id,
    reply.comment_id,
    reply.parent_comment_id,
    foreign_parent.parent_article_id,
    reply.file,
    reply.within
from foreign_parents as foreign_parent
inner join comments as reply on reply.rowid = foreign_parent.comment_row
order by foreign_parent.comment_row
