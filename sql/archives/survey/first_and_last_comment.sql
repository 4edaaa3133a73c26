-- When the first and the last comment of an article were posted; both null if it has none.
-- Parameters: article_id.
-- Grain: one row. Reads only.
select min(comment.posted_at) as first_at, max(comment.posted_at) as last_at
from comments as comment
where comment.article_id = :article_id
