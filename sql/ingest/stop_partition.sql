-- Purpose: stop one partition until a person decides. Nothing is read from it; the others go on.
-- Parameters: consumer_group, topic, partition, owner, status (stopped or tripped), detail (what
--   happened).
-- Grain: one row, and only while this owner holds it.
-- Re-run: safe; it stores the same again.
update ingest.partition_offsets
set status = %(status)s, status_detail = %(detail)s
where
    consumer_group = %(consumer_group)s
    and topic = %(topic)s
    and partition = %(partition)s
    and owner = %(owner)s;
