-- Purpose: how far each partition has been ingested. Parameters: consumer_group. Grain: one row per partition.
-- Re-run: safe; reads only.
select held.topic, held.partition, held.next_offset
from ingest.partition_offsets as held
where held.consumer_group = %(consumer_group)s
