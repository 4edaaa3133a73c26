-- Purpose: delete earlier final figures that were replaced before a time.
-- Parameters: before, chunk_rows. Result: one row, how many were deleted.
-- Grain: one row of the table. Re-run: safe; it deletes the next ones, and none at last.
with due as materialized (
    select old.article_id, old.revision
    from metrics.article_engagement_revisions as old
    where old.replaced_at < %(before)s
    limit %(chunk_rows)s
),

deleted as (
    delete from metrics.article_engagement_revisions as old
    using due
    where old.article_id = due.article_id and old.revision = due.revision
    returning 1
)

select count(*) as deleted
from deleted
