-- Purpose: how many dead letters a selection has, by source and type of their events, and by code.
-- Parameters: the filters of ingest.selected_dead_letters; max_rows.
-- Grain: one row per source, event type and code, the most frequent first; null: not readable.
-- Re-run: safe; it only reads.
select
    source,
    event_type,
    code,
    count(*) as letters,
    max(dead_lettered_at) as newest
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
group by source, event_type, code
order by letters desc, source nulls last, event_type nulls last, code
limit %(max_rows)s;
