-- Purpose: fold old lines of kind redrive, which are outside the sequence, into one for each
--   consumer group, partition, incarnation and UTC day.
-- Parameters: before, chunk_rows (how many days of partitions at most).
-- Result: one row, how many lines are gone.
-- Grain: one row per line. Re-run: safe; what is folded is one line already.
with alike as materialized (
    select
        min(batch.batch_id) as batch_id,
        array_agg(batch.batch_id) as batch_ids,
        min(batch.first_offset) as first_offset,
        max(batch.next_offset) as next_offset,
        sum(batch.records) as records,
        sum(batch.applied) as applied,
        sum(batch.unchanged) as unchanged,
        sum(batch.dead_lettered) as dead_lettered,
        sum(batch.batches) as batches,
        min(coalesce(batch.first_committed_at, batch.committed_at)) as first_committed_at,
        max(batch.committed_at) as committed_at
    from ingest.batches as batch
    where batch.kind = 'redrive'
        and batch.committed_at < %(before)s
        and batch.records = batch.applied + batch.unchanged + batch.dead_lettered
    group by
        batch.consumer_group,
        batch.topic,
        batch.partition,
        batch.incarnation,
        (batch.committed_at at time zone 'UTC')::date
    having count(*) > 1
    limit %(chunk_rows)s
),

folded as (
    update ingest.batches as kept
    set
        first_offset = alike.first_offset,
        next_offset = alike.next_offset,
        records = alike.records,
        applied = alike.applied,
        unchanged = alike.unchanged,
        dead_lettered = alike.dead_lettered,
        batches = alike.batches,
        first_committed_at = alike.first_committed_at,
        committed_at = alike.committed_at
    from alike
    where kept.batch_id = alike.batch_id
),

gone as (
    delete from ingest.batches as batch
    using alike
    where batch.batch_id = any(alike.batch_ids) and batch.batch_id != alike.batch_id
    returning batch.batch_id
)

select count(*) as deleted
from gone
