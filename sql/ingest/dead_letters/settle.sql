-- Purpose: store what a redrive did with dead letters. Those without a code are redriven; the
--   others stay dead letters, with their present reason.
-- Parameters: topic_id; software_version; and arrays of equal length: partitions, record_offsets,
--   stages, codes, pointers, messages, schema_versions (the reason; null: the record was applied,
--   or changed nothing).
-- Grain: one row per record. The caller has locked them.
-- Re-run: counts another attempt; within one redrive lock.sql finds none of them again.
update ingest.dead_letters as letter
set
    attempts = letter.attempts + 1,
    judged_at = clock_timestamp(),
    status = case when result.code is null then 'redriven' else letter.status end,
    status_changed_at = case
        when result.code is null then clock_timestamp() else letter.status_changed_at
    end,
    stage = coalesce(result.stage, letter.stage),
    code = coalesce(result.code, letter.code),
    pointer = case when result.code is null then letter.pointer else result.pointer end,
    message = coalesce(result.message, letter.message),
    schema_version = case
        when result.code is null then letter.schema_version else result.schema_version
    end,
    software_version = case
        when result.code is null then letter.software_version else %(software_version)s
    end
from
    unnest(
        %(partitions)s::integer[],
        %(record_offsets)s::bigint[],
        %(stages)s::text[],
        %(codes)s::text[],
        %(pointers)s::text[],
        %(messages)s::text[],
        %(schema_versions)s::text[]
    ) as result (partition, record_offset, stage, code, pointer, message, schema_version)
where
    letter.topic_id = %(topic_id)s
    and letter.partition = result.partition
    and letter.record_offset = result.record_offset;
