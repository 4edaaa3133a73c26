-- Purpose: the ingested offsets of a topic: from the start of its present incarnation to the next
--   offset.
-- Parameters: consumer_group, topic, topic_id (the one that the broker has now. An earlier topic of
--   the same name had other offsets).
-- Grain: one row per partition.
-- Re-run: safe; it only reads.
select
    held.partition,
    case
        -- Only a reset starts an incarnation after offsets that were not ingested.
        when held.incarnation > 1 then coalesce(began.first_offset, 0)
        else 0
    end as first_offset,
    held.next_offset
from ingest.partition_offsets as held
left join lateral (
    select min(batch.first_offset) as first_offset
    from ingest.batches as batch
    where
        batch.consumer_group = held.consumer_group
        and batch.topic = held.topic
        and batch.partition = held.partition
        and batch.incarnation = held.incarnation
        and batch.kind <> 'redrive'
) as began on true
where
    held.consumer_group = %(consumer_group)s
    and held.topic = %(topic)s
    and held.topic_id = %(topic_id)s
order by held.partition
