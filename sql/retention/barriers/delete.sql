-- Purpose: delete barriers that were taken before a time, with their offsets; but not those that
--   others go by (ingest.barriers_in_use).
-- Parameters: before, chunk_rows (how many barriers at most). Result: one row, how many rows of
--   both tables were deleted.
-- Grain: one row per barrier and partition. Re-run: safe; it deletes the next ones, and none at
--   last.
with due as materialized (
    select old.barrier_id
    from ingest.barriers as old
    where old.taken_at < %(before)s
        and old.barrier_id not in (
            select in_use.barrier_id
            from ingest.barriers_in_use() as in_use (barrier_id)
        )
    order by old.barrier_id
    limit %(chunk_rows)s
),

offsets as (
    delete from ingest.barrier_offsets as place
    using due
    where place.barrier_id = due.barrier_id
    returning 1
),

deleted as (
    delete from ingest.barriers as old
    using due
    where old.barrier_id = due.barrier_id
    returning 1
)

select (select count(*) from offsets) + (select count(*) from deleted) as deleted
