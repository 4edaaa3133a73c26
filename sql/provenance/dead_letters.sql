-- Purpose: all dead letters of one article, whatever their status.
-- Parameters: record_key (the article's id as bytes).
-- Grain: one row per dead letter.
-- Re-run: safe; it only reads.
select
    letter.topic,
    letter.partition,
    letter.record_offset,
    letter.stage,
    letter.code,
    letter.pointer,
    letter.message,
    letter.schema_version,
    letter.status,
    letter.record_value,
    letter.topic_id,
    letter.event_type,
    letter.event_id
from ingest.dead_letters as letter
where letter.record_key = %(record_key)s
order by letter.topic, letter.partition, letter.record_offset
