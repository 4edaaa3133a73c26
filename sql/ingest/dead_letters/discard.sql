-- Purpose: discard the selected dead letters. A redrive leaves them out unless it asks for the
--   status.
-- Parameters: the filters of ingest.selected_dead_letters.
-- Result: how many were discarded, by code.
-- Grain: one row per record. One that a redrive applies at the same moment stays redriven.
-- Re-run: safe; they are no longer open.
with discarded as (
    update ingest.dead_letters as letter
    set status = 'discarded', status_changed_at = clock_timestamp()
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
    ) as selected
    where
        letter.topic_id = selected.topic_id
        and letter.partition = selected.partition
        and letter.record_offset = selected.record_offset
        and letter.status = any(%(statuses)s::text[])
    returning letter.code
)

select
    code,
    count(*) as letters
from discarded
group by code
order by letters desc, code;
