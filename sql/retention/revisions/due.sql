-- Purpose: earlier final figures that were replaced before a time.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest one that stays. Re-run: safe; it only reads.
select
    count(*) filter (where old.replaced_at < %(before)s) as due_rows,
    round(
        pg_total_relation_size('metrics.article_engagement_revisions')::numeric
        * (count(*) filter (where old.replaced_at < %(before)s))
        / greatest(count(*), 1)
    )::bigint as due_bytes,
    min(old.replaced_at) filter (where old.replaced_at >= %(before)s) as oldest_kept
from metrics.article_engagement_revisions as old
