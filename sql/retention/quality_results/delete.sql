-- Purpose: delete results of the quality gate of before a time.
-- Parameters: before, chunk_rows. Result: one row, how many were deleted.
-- Grain: one row of the table. Re-run: safe; it deletes the next ones, and none at last.
with due as materialized (
    select old.run_id, old.suite, old.expectation
    from metrics.quality_results as old
    where old.checked_at < %(before)s
    limit %(chunk_rows)s
),

deleted as (
    delete from metrics.quality_results as old
    using due
    where old.run_id = due.run_id
        and old.suite = due.suite
        and old.expectation = due.expectation
    returning 1
)

select count(*) as deleted
from deleted
