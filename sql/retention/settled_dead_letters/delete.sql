-- Purpose: delete dead letters that were redriven or discarded before a time, and count
--   them in their lines of the ledger, so that the audit does not miss them.
--   One that a younger line counts, because its topic was read again, stays until this line is
--   old enough: a consumer may extend it.
-- Parameters: before, chunk_rows. Result: one row, how many were deleted.
-- Grain: one row per dead letter; one that changes its status at this moment stays.
-- Re-run: safe; it deletes the next ones, and none at last.
with due as materialized (
    select letter.topic, letter.topic_id, letter.partition, letter.record_offset
    from ingest.dead_letters as letter
    where letter.status != 'open' and letter.status_changed_at < %(before)s
        and not exists (
            select
            from ingest.lines_of_record(
                letter.topic, letter.topic_id, letter.partition, letter.record_offset
            ) as line
            where line.committed_at >= %(before)s
        )
    limit %(chunk_rows)s
),

deleted as (
    delete from ingest.dead_letters as letter
    using due
    where letter.topic_id = due.topic_id
        and letter.partition = due.partition
        and letter.record_offset = due.record_offset
        and letter.status != 'open' and letter.status_changed_at < %(before)s
    returning letter.topic, letter.topic_id, letter.partition, letter.record_offset
),

counted as (
    select line.batch_id, count(*) as letters
    from deleted
    cross join lateral ingest.lines_of_record(
        deleted.topic, deleted.topic_id, deleted.partition, deleted.record_offset
    ) as line
    group by line.batch_id
),

noted as (
    update ingest.batches as line
    set deleted_dead_letters = line.deleted_dead_letters + counted.letters
    from counted
    where line.batch_id = counted.batch_id
)

select count(*) as deleted
from deleted
