-- Purpose: the partitions that an owner holds, and whether each may be read: another hand (an operator's decision, an owner
--   after this one) may have changed that.
-- Parameters: consumer_group, owner.
-- Result: topic, partition, status; one row per partition held.
-- Re-run: safe; it only reads.
select
    topic,
    partition,
    status
from ingest.partition_offsets
where
    consumer_group = %(consumer_group)s
    and owner = %(owner)s;
