-- Purpose: the next dead letters of a selection that no redrive has decoded since this one began.
-- Parameters: the filters of ingest.selected_dead_letters; judged_before; after_topic_id,
--   after_partition, after_offset (the last one of the chunk before; null at first); chunk_size;
--   chunk_bytes (the chunk ends with the value that reaches it: a value may have a megabyte).
-- Result: the record as it was, and the present code.
-- Grain: one row per record, in order of (topic_id, partition, record_offset).
-- Re-run: safe; it only reads.
with chunk as (
    select letter.*
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
    ) as letter
    where
        letter.judged_at < %(judged_before)s
        -- Nothing is left of it to validate.
        and letter.erased_at is null
        and (
            %(after_topic_id)s::uuid is null
            or (letter.topic_id, letter.partition, letter.record_offset)
            > (%(after_topic_id)s::uuid, %(after_partition)s::integer, %(after_offset)s::bigint)
        )
    order by letter.topic_id, letter.partition, letter.record_offset
    limit %(chunk_size)s
),

sized as (
    select
        chunk.*,
        sum(octet_length(record_value)) over (
            order by topic_id, partition, record_offset
            rows between unbounded preceding and 1 preceding
        ) as bytes_before
    from chunk
)

select
    topic_id,
    topic,
    partition,
    record_offset,
    record_timestamp,
    record_key,
    record_value,
    record_headers,
    code
from sized
where coalesce(bytes_before, 0) < %(chunk_bytes)s
order by topic_id, partition, record_offset;
