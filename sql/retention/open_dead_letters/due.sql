-- Purpose: open dead letters that were kept before a time.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest one that stays. Re-run: safe; it only reads.
select
    count(*) filter (where letter.dead_lettered_at < %(before)s) as due_rows,
    round(
        pg_total_relation_size('ingest.dead_letters')::numeric
        * (count(*) filter (where letter.dead_lettered_at < %(before)s))
        / greatest((select count(*) from ingest.dead_letters), 1)
    )::bigint as due_bytes,
    min(letter.dead_lettered_at) filter (where letter.dead_lettered_at >= %(before)s) as oldest_kept
from ingest.dead_letters as letter
where letter.status = 'open'
