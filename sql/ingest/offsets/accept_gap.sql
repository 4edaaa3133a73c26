-- Purpose: go on at the log start where records expired before they were read. The position moves
--   over them, and the ledger records it. The owner of the partition is fenced and takes it again.
--   A tripped breaker stays as it is.
-- Parameters: consumer_group, topic, partition, topic_id, incarnation, next_offset (as they were
--   seen), log_start.
-- Result: batch_id of the ledger's row of kind gap, from next_offset to log_start; no row if the
--   position has changed since.
-- Grain: one row of partition_offsets, one of batches, in one statement: neither exists without the
--   other.
-- Re-run: does nothing, because next_offset has changed.
with moved as (
    update ingest.partition_offsets
    set
        next_offset = %(log_start)s,
        epoch = epoch + 1,
        owner = null,
        moved_at = clock_timestamp(),
        status = case status when 'tripped' then status else 'consuming' end,
        status_detail = case status when 'tripped' then status_detail end
    where
        consumer_group = %(consumer_group)s
        and topic = %(topic)s
        and partition = %(partition)s
        and topic_id = %(topic_id)s
        and incarnation = %(incarnation)s
        and next_offset = %(next_offset)s
        and next_offset < %(log_start)s
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
    'gap',
    %(next_offset)s,
    %(log_start)s,
    0,
    0,
    0,
    0
from moved
returning batch_id;
