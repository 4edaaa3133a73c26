-- The replies of an article and their parents; of an id that comes twice the earliest posting last.
-- Parameters: article_id.
-- Grain: one row per posting with a parent. Reads only.
select comment.comment_id, comment.parent_comment_id, comment.rowid as comment_row
from comments as comment
where comment.article_id = :article_id and comment.parent_comment_id is not null
order by comment.posted_at desc
