-- Purpose: keep the staged dead letters, byte for byte, with their reasons. Of erased ones nothing
--   is staged but where they were: nobody can redrive them.
-- Result: no rows.
-- Grain: one row per record (topic_id, partition, record_offset), in that order.
-- Re-run: safe; one that is kept already stays as it is.
insert into ingest.dead_letters (
    topic,
    topic_id,
    partition,
    record_offset,
    record_key,
    record_value,
    record_headers,
    record_timestamp,
    stage,
    code,
    pointer,
    message,
    schema_version,
    software_version,
    source,
    event_type,
    event_id,
    status,
    status_changed_at,
    erased_at
)
select
    topic,
    topic_id,
    partition,
    record_offset,
    record_key,
    record_value,
    record_headers,
    record_timestamp,
    stage,
    code,
    pointer,
    message,
    schema_version,
    software_version,
    source,
    event_type,
    event_id,
    case when is_erased then 'discarded' else 'open' end,
    case when is_erased then clock_timestamp() end,
    case when is_erased then clock_timestamp() end
from staged_dead_letters
order by topic_id, partition, record_offset
on conflict (topic_id, partition, record_offset) do nothing;
