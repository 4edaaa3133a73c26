-- Severity: fail
-- Says: a discussion is final without being closed, its reactions are final before it is, or it was
--   closed after it closes
-- Do: btl rules explain ARTICLE computes its timeline again; btl rules apply stores it
-- Grain: one row per article. Re-run: reads only.
select placed.article_id, placed.state, placed.closes_at, placed.closed_at, placed.final
from discussion.windows as placed
where (placed.final and placed.state <> 'closed')
    or (placed.reactions_final and not placed.final)
    or (
        placed.state = 'closed'
        and placed.closed_at is not null
        and placed.closed_at > placed.closes_at
    )
