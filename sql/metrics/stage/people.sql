-- Purpose: number those whose comments are published under the articles of a bucket, in the order
--   of their ids. Staged as computing_people. Numbers are hashed, sorted and kept for a fraction of
--   what ids cost.
-- Parameters: none; computing_comments is staged. Grain: one row per author. Re-run: reads only.
select
    row_number() over (order by author.user_id)::integer as person_no,
    author.user_id
from (
    select distinct comment.user_id
    from computing_comments as comment
    where comment.published and comment.user_id is not null
) as author
