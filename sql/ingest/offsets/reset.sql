-- Purpose: start another incarnation of a partition at an offset that an operator chose: its topic
--   was created again, its log was cut, or it is to be read again. The owner of the partition is
--   fenced and takes it again.
-- Parameters: consumer_group, topic, partition, incarnation (as it was seen), topic_id (the
--   brokers' now), target, log_end.
-- Result: batch_id of the ledger's row of kind reset; no row if it was reset since. That row begins
--   the new incarnation: its first_offset and next_offset are both the target, and the next row
--   continues there.
-- Grain: one row of partition_offsets, one of batches, in one statement: neither exists without the
--   other.
-- Re-run: does nothing, because the incarnation has changed.
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
        -- Accepted records belong to the old topic, and to its log up to the present end. Where
        -- none were accepted it stays so: least() passes over null.
        accepted_offset = case
            when topic_id = %(topic_id)s and accepted_offset is not null
                then least(accepted_offset, %(log_end)s)
        end
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
