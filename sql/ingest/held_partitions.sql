-- Purpose: the partitions that an owner holds, with their status. An operator or a later owner may
--   have changed both.
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
