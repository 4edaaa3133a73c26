-- The article of the export that first had a comment.
-- Parameters: event_id (the article's id in events), comment_id.
-- Grain: one row. Reads only.
select comment.article_id
from shared_comments as comment
where comment.event_id = :event_id and comment.comment_id = :comment_id
