-- Purpose: dead letters that may be of a person, or about a comment, that is erased: records of
--   before the erasure, without those that are wiped.
-- Parameters: erased_at; topic_id, partition, record_offset (after this one; topic_id null: from
--   the first); limit.
-- Grain: one row per dead letter, in key order. Re-run: safe; reads only.
select
    letter.topic_id,
    letter.partition,
    letter.record_offset,
    letter.record_timestamp,
    letter.record_key,
    letter.record_value,
    letter.record_headers
from ingest.dead_letters as letter
where letter.record_timestamp <= %(erased_at)s
    and letter.erased_at is null
    and (
        %(topic_id)s::uuid is null
        or (letter.topic_id, letter.partition, letter.record_offset)
        > (%(topic_id)s::uuid, %(partition)s::integer, %(record_offset)s::bigint)
    )
order by letter.topic_id, letter.partition, letter.record_offset
limit %(limit)s
