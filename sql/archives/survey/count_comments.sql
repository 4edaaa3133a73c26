-- The number of comments; an id that comes twice in an article counts once.
-- Parameters: none.
-- Grain: one row. Reads only.
select count(*) as comments
from (
    select distinct comment.article_id, comment.comment_id
    from comments as comment
) as distinct_comment
