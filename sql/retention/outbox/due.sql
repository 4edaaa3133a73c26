-- Purpose: events of the outbox that were written before a time and do not wait to be sent.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest one that stays. Re-run: safe; it only reads.
select
    count(*) filter (where old.created_at < %(before)s and old.status != 'pending') as due_rows,
    round(
        pg_total_relation_size('ingest.outbox')::numeric
        * (count(*) filter (where old.created_at < %(before)s and old.status != 'pending'))
        / greatest(count(*), 1)
    )::bigint as due_bytes,
    min(old.created_at) filter (where old.created_at >= %(before)s) as oldest_kept
from ingest.outbox as old
