-- Purpose: where consumer groups stand.
-- Parameters: consumer_group (null: all of them).
-- Result: one row per group, topic and partition, in that order.
-- Re-run: safe; it only reads.
select
    consumer_group,
    topic,
    partition,
    topic_id,
    incarnation,
    next_offset,
    epoch,
    owner,
    moved_at,
    status,
    status_detail,
    accepted_offset
from ingest.partition_offsets
where %(consumer_group)s::text is null or consumer_group = %(consumer_group)s
order by consumer_group, topic, partition
