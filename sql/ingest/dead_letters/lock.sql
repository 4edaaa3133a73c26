-- Purpose: lock those of the given dead letters that this redrive still has to settle. One that
--   another redrive has locked, or has settled since, is left to it.
-- Parameters: topic_id; partitions and record_offsets: arrays of equal length; statuses;
--   judged_before.
-- Result: partition and record_offset of those that are locked now.
-- Grain: one row per record, locked in order of (partition, record_offset).
-- Re-run: safe; within a transaction the same ones are locked again.
select
    letter.partition,
    letter.record_offset
from ingest.dead_letters as letter
inner join
    unnest(
        %(partitions)s::integer[], %(record_offsets)s::bigint[]
    ) as wanted (partition, record_offset)
    on letter.partition = wanted.partition and letter.record_offset = wanted.record_offset
where
    letter.topic_id = %(topic_id)s
    and letter.status = any(%(statuses)s::text[])
    and letter.judged_at < %(judged_before)s
order by letter.partition, letter.record_offset
for update of letter skip locked;
