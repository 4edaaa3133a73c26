-- Purpose: the latest dead letters of a selection, without their values.
-- Parameters: the filters of ingest.selected_dead_letters; max_rows.
-- Grain: one row per record, newest first.
-- Re-run: safe; it only reads.
select
    topic,
    topic_id,
    partition,
    record_offset,
    record_key,
    record_timestamp,
    code,
    pointer,
    message,
    attempts,
    status,
    dead_lettered_at,
    source,
    event_type,
    event_id
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
order by dead_lettered_at desc, topic_id, partition, record_offset desc
limit %(max_rows)s;
