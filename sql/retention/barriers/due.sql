-- Purpose: barriers taken before a time, with their offsets, without those that delete.sql keeps.
-- Parameters: before. Grain: one row: due_rows (of both tables), their bytes with their share of
--   the indexes, and the time of the oldest one that stays. Re-run: safe; it only reads.
with due as materialized (
    select old.barrier_id
    from ingest.barriers as old
    where old.taken_at < %(before)s
        and old.barrier_id not in (
            select in_use.barrier_id
            from ingest.barriers_in_use() as in_use (barrier_id)
        )
),

counted as (
    select
        (select count(*) from due) as barriers,
        (
            select count(*)
            from ingest.barrier_offsets as place
            where place.barrier_id in (select due.barrier_id from due)
        ) as offsets
)

select
    counted.barriers + counted.offsets as due_rows,
    round(
        pg_total_relation_size('ingest.barriers')::numeric
        * counted.barriers / greatest((select count(*) from ingest.barriers), 1)
        + pg_total_relation_size('ingest.barrier_offsets')::numeric
        * counted.offsets / greatest((select count(*) from ingest.barrier_offsets), 1)
    )::bigint as due_bytes,
    (select min(old.taken_at) from ingest.barriers as old where old.taken_at >= %(before)s)
        as oldest_kept
from counted
