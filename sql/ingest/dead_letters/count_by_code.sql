-- Purpose: how many dead letters a selection has, by code.
-- Parameters: statuses, codes, topic, record_key, since, until (as ingest.selected_dead_letters has
--   them).
-- Grain: one row per code, the most frequent first.
-- Re-run: safe; it only reads.
select
    code,
    count(*) as letters
from
    ingest.selected_dead_letters(
        %(statuses)s::text[],
        %(codes)s::text[],
        %(topic)s::text,
        %(record_key)s::bytea,
        %(since)s::timestamptz,
        %(until)s::timestamptz
    )
group by code
order by letters desc, code;
