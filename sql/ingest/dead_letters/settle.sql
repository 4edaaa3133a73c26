-- Purpose: note what a redrive made of dead letters: those without a code are redriven, the others stay what they are, with
--   the reason as it is now.
-- Parameters: topic_id; software_version; and arrays of equal length: partitions, record_offsets, stages, codes, pointers,
--   messages, schema_versions (the reason; null: the record was applied, or changed nothing).
-- Grain: one row per record. The caller has locked them.
-- Re-run: counts another attempt; within one redrive lock.sql finds none of them again.
update ingest.dead_letters as letter
set
    attempts = letter.attempts + 1,
    judged_at = clock_timestamp(),
    status = case when verdict.code is null then 'redriven' else letter.status end,
    status_changed_at = case when verdict.code is null then clock_timestamp() else letter.status_changed_at end,
    stage = coalesce(verdict.stage, letter.stage),
    code = coalesce(verdict.code, letter.code),
    pointer = case when verdict.code is null then letter.pointer else verdict.pointer end,
    message = coalesce(verdict.message, letter.message),
    schema_version = case when verdict.code is null then letter.schema_version else verdict.schema_version end,
    software_version = case when verdict.code is null then letter.software_version else %(software_version)s end
from
    unnest(
        %(partitions)s::integer[],
        %(record_offsets)s::bigint[],
        %(stages)s::text[],
        %(codes)s::text[],
        %(pointers)s::text[],
        %(messages)s::text[],
        %(schema_versions)s::text[]
    ) as verdict (partition, record_offset, stage, code, pointer, message, schema_version)
where
    letter.topic_id = %(topic_id)s
    and letter.partition = verdict.partition
    and letter.record_offset = verdict.record_offset;
