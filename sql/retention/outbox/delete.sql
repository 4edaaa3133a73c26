-- Purpose: delete events of the outbox that were written before a time and do not wait to be
--   sent; discussion.told_events keeps that they were announced.
-- Parameters: before, chunk_rows. Result: one row, how many were deleted.
-- Grain: one row of the table. Re-run: safe; it deletes the next ones, and none at last.
with due as materialized (
    select old.outbox_id
    from ingest.outbox as old
    where old.created_at < %(before)s and old.status != 'pending'
    limit %(chunk_rows)s
),

deleted as (
    delete from ingest.outbox as old
    using due
    where old.outbox_id = due.outbox_id and old.status != 'pending'
    returning 1
)

select count(*) as deleted
from deleted
