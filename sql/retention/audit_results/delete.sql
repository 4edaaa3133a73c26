-- Purpose: delete results of audits of before a time.
-- Parameters: before, chunk_rows. Result: one row, how many were deleted.
-- Grain: one row of the table. Re-run: safe; it deletes the next ones, and none at last.
with due as materialized (
    select old.audited_at, old.what, old.name
    from ingest.audit_results as old
    where old.audited_at < %(before)s
    limit %(chunk_rows)s
),

deleted as (
    delete from ingest.audit_results as old
    using due
    where old.audited_at = due.audited_at and old.what = due.what and old.name = due.name
    returning 1
)

select count(*) as deleted
from deleted
