-- Purpose: discard some of the selected dead letters. A redrive leaves them out unless it asks for
--   the status.
-- Parameters: the filters of ingest.selected_dead_letters; chunk_size (how many at most).
-- Result: how many were discarded, by code; and one row without a code: how many were looked at (0:
--   none are left).
-- Grain: one row per record. One that a redrive applies at the same moment stays redriven.
-- Re-run: safe; they are no longer open. Until none are left it discards all.
with chunk as materialized (
    select
        topic_id,
        partition,
        record_offset
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
    limit %(chunk_size)s
),

discarded as (
    update ingest.dead_letters as letter
    set status = 'discarded', status_changed_at = clock_timestamp()
    from chunk
    where
        letter.topic_id = chunk.topic_id
        and letter.partition = chunk.partition
        and letter.record_offset = chunk.record_offset
        and letter.status = any(%(statuses)s::text[])
    returning letter.code
)

select
    code,
    count(*) as letters
from discarded
group by code
union all
select
    null as code,
    count(*) as letters
from chunk;
