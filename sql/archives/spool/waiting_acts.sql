-- The acts that wait for what is known of their comments, those of a comment together and in the
-- order in which they were read; comment_id is null for an article's.
-- Parameters: none.
-- Grain: one row per act. Reads only.
select
    waiting.kind,
    waiting.article_id,
    waiting.comment_id,
    waiting.content
from waiting
where waiting.kind != 'Article'
order by waiting.article_id, waiting.comment_id, waiting.rowid
