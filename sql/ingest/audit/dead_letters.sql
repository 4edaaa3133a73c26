-- Purpose: how many dead letters are kept of the spans that the ledger names.
-- Parameters: topics, partitions, incarnations, topic_ids (null: the topic's id in that incarnation
--   is no longer known), first_offsets, next_offsets: arrays of equal length.
-- Result: one row per span: topic, partition, incarnation, kept.
-- Re-run: safe; it only reads. It reads the dead letters once, without their payloads.
select
    span.topic,
    span.partition,
    span.incarnation,
    count(letter.record_offset) as kept
from
    unnest(
        %(topics)s::text[],
        %(partitions)s::integer[],
        %(incarnations)s::integer[],
        %(topic_ids)s::uuid[],
        %(first_offsets)s::bigint[],
        %(next_offsets)s::bigint[]
    ) as span (topic, partition, incarnation, topic_id, first_offset, next_offset)
left join ingest.dead_letters as letter
    on span.topic = letter.topic
    and span.partition = letter.partition
    and (span.topic_id is null or span.topic_id = letter.topic_id)
    and letter.record_offset >= span.first_offset
    and letter.record_offset < span.next_offset
group by span.topic, span.partition, span.incarnation
order by span.topic, span.partition, span.incarnation
