-- Purpose: one dead letter with all that was kept of it.
-- Parameters: topic, partition, record_offset, topic_id (null: any).
-- Grain: one row per topic id that has a dead letter at this offset, the latest first.
-- Re-run: safe; it only reads.
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
    attempts,
    status,
    dead_lettered_at,
    status_changed_at,
    judged_at,
    source,
    event_type,
    event_id
from ingest.dead_letters
where
    topic = %(topic)s
    and partition = %(partition)s
    and record_offset = %(record_offset)s
    and (%(topic_id)s::uuid is null or topic_id = %(topic_id)s)
order by dead_lettered_at desc;
