-- How far the consumers are behind a barrier. Parameters: barrier_id. Grain: one row per partition
-- of the barrier. The columns of the position are null where no consumer ever took the partition.
-- Reads only.
select
    barrier.consumer_group,
    target.topic,
    target.partition,
    target.topic_id as log_topic_id,
    target.log_start_offset,
    target.end_offset,
    held.topic_id,
    held.incarnation,
    held.next_offset,
    held.epoch,
    held.owner,
    held.moved_at,
    held.status,
    held.status_detail,
    held.accepted_offset
from ingest.barriers as barrier
inner join ingest.barrier_offsets as target on target.barrier_id = barrier.barrier_id
left join ingest.partition_offsets as held
    on held.consumer_group = barrier.consumer_group
    and held.topic = target.topic
    and held.partition = target.partition
where barrier.barrier_id = %(barrier_id)s
order by target.topic, target.partition
