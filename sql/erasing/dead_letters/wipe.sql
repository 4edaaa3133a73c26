-- Purpose: take the records out of dead letters, with what was said about them. What stays: where
--   the record was, its code, and the id of its event.
-- Parameters: topic_ids, partitions, record_offsets (arrays of equal length). Result: one row per
--   dead letter wiped. Grain: one row per dead letter. Re-run: safe; what is wiped stays so.
update ingest.dead_letters as letter
set
    record_key = null,
    record_value = null,
    record_headers = '{}',
    pointer = null,
    message = 'The record is erased.',
    status = 'discarded',
    status_changed_at = clock_timestamp(),
    erased_at = clock_timestamp()
from unnest(
    %(topic_ids)s::uuid[], %(partitions)s::integer[], %(record_offsets)s::bigint[]
) as asked (topic_id, partition, record_offset)
where letter.topic_id = asked.topic_id
    and letter.partition = asked.partition
    and letter.record_offset = asked.record_offset
    and letter.erased_at is null
returning letter.record_offset
