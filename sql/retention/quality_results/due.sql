-- Purpose: results of the quality gate of before a time.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest one that stays. Re-run: safe; it only reads.
select
    count(*) filter (where old.checked_at < %(before)s) as due_rows,
    round(
        pg_total_relation_size('metrics.quality_results')::numeric
        * (count(*) filter (where old.checked_at < %(before)s))
        / greatest(count(*), 1)
    )::bigint as due_bytes,
    min(old.checked_at) filter (where old.checked_at >= %(before)s) as oldest_kept
from metrics.quality_results as old
