-- Partitions that a consumer group has a position in. Parameters: consumer_group. Grain: one row.
-- Reads only.
select count(*)
from ingest.partition_offsets as held
where held.consumer_group = %(consumer_group)s
