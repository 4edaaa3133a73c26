-- How many reactions or reports of a kind a comment was given as mere numbers. Files that overlap
-- say the same of a comment again: the greatest counts.
-- Parameters: article_id, comment_id, kind.
-- Grain: one row. Reads only.
select coalesce(max(given.number), 0) as number
from given
where given.article_id = :article_id
    and given.comment_id = :comment_id
    and given.kind = :kind
