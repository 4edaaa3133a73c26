-- Purpose: how many dead letters a selection has, by code.
-- Parameters: the filters of ingest.selected_dead_letters.
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
        %(until)s::timestamptz,
        %(source)s::text,
        %(event_type)s::text,
        %(event_id)s::text
    )
group by code
order by letters desc, code;
