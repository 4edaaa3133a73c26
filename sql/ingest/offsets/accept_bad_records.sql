-- Purpose: let a partition go on whose breaker tripped. Its bad records become dead letters, and
--   the breaker no longer counts those before the given offset.
-- Parameters: consumer_group, topic, partition, incarnation (as it was seen), accepted_offset.
-- Result: epoch, one row; no row if the partition is not tripped.
-- Grain: one row of partition_offsets.
-- Re-run: does nothing, because the partition is not tripped any more.
update ingest.partition_offsets
set status = 'consuming', status_detail = null, accepted_offset = %(accepted_offset)s
where
    consumer_group = %(consumer_group)s
    and topic = %(topic)s
    and partition = %(partition)s
    and incarnation = %(incarnation)s
    and status = 'tripped'
returning epoch;
