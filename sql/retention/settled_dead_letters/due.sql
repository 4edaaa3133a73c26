-- Purpose: dead letters that were redriven or discarded before a time.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest one that stays. Re-run: safe; it only reads.
select
    count(*) filter (where letter.status_changed_at < %(before)s) as due_rows,
    round(
        pg_total_relation_size('ingest.dead_letters')::numeric
        * (count(*) filter (where letter.status_changed_at < %(before)s))
        / greatest((select count(*) from ingest.dead_letters), 1)
    )::bigint as due_bytes,
    min(letter.status_changed_at) filter (where letter.status_changed_at >= %(before)s)
        as oldest_kept
from ingest.dead_letters as letter
where letter.status != 'open'
