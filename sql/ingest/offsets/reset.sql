-- Purpose: begin another life of a partition at an offset of somebody's choice: its topic was made anew, its log was cut, or
--   it is to be read again. Whoever holds the partition is fenced and takes it again.
-- Parameters: consumer_group, topic, partition, incarnation (as it was seen), topic_id (the broker's now), target, log_end.
-- Result: batch_id of the ledger's row of kind reset; none if somebody else has reset it by now. That row begins the new
--   incarnation: its first_offset and next_offset both are the target, so that the row after it follows on.
-- Grain: one row of partition_offsets, one of batches; one statement, so that neither is there without the other.
-- Re-run: does nothing: the incarnation is another.
with moved as (
    update ingest.partition_offsets
    set
        topic_id = %(topic_id)s,
        incarnation = incarnation + 1,
        next_offset = %(target)s,
        epoch = epoch + 1,
        owner = null,
        moved_at = clock_timestamp(),
        status = 'consuming',
        status_detail = null,
        -- What somebody accepted are records of that topic, as far as they are still there.
        accepted_offset = case when topic_id = %(topic_id)s then least(accepted_offset, %(log_end)s) end
    where
        consumer_group = %(consumer_group)s
        and topic = %(topic)s
        and partition = %(partition)s
        and incarnation = %(incarnation)s
    returning consumer_group, topic, partition, incarnation
)

insert into ingest.batches (
    consumer_group,
    topic,
    partition,
    incarnation,
    kind,
    first_offset,
    next_offset,
    records,
    applied,
    unchanged,
    dead_lettered
)
select
    consumer_group,
    topic,
    partition,
    incarnation,
    'reset',
    %(target)s as first_offset,
    %(target)s as next_offset,
    0,
    0,
    0,
    0
from moved
returning batch_id;
