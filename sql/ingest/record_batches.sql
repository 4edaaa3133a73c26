-- Purpose: write the ledger: what happened to the records of a batch. The last line of a partition
--   is extended if the caller names it, and if the batch continues where it ends; otherwise another
--   line begins.
-- Parameters: consumer_group, and arrays of equal length: batch_ids (the line to extend; null:
--   none), topics, partitions, incarnations, kinds, first_offsets, next_offsets, records, applied,
--   unchanged, dead_lettered.
-- Result: topic, partition and batch_id of each line that the batch is in now.
-- Grain: one row per partition of the batch. A line of kind batch also covers progress without
--   records, a line of kind empty covers nothing else.
-- Re-run: extends nothing, because no line ends there any more; the lines that it would begin are
--   rejected by the unique index on (group, topic, partition, incarnation, first_offset).
with entry as materialized (
    select *
    from
        unnest(
            %(batch_ids)s::bigint[],
            %(topics)s::text[],
            %(partitions)s::integer[],
            %(incarnations)s::integer[],
            %(kinds)s::text[],
            %(first_offsets)s::bigint[],
            %(next_offsets)s::bigint[],
            %(records)s::bigint[],
            %(applied)s::bigint[],
            %(unchanged)s::bigint[],
            %(dead_lettered)s::bigint[]
        ) as given (
            batch_id,
            topic,
            partition,
            incarnation,
            kind,
            first_offset,
            next_offset,
            records,
            applied,
            unchanged,
            dead_lettered
        )
),

extended as (
    update ingest.batches as line
    set
        next_offset = entry.next_offset,
        records = line.records + entry.records,
        applied = line.applied + entry.applied,
        unchanged = line.unchanged + entry.unchanged,
        dead_lettered = line.dead_lettered + entry.dead_lettered,
        batches = line.batches + 1,
        first_committed_at = coalesce(line.first_committed_at, line.committed_at),
        committed_at = clock_timestamp()
    from entry
    where
        line.batch_id = entry.batch_id
        and line.consumer_group = %(consumer_group)s
        and line.topic = entry.topic
        and line.partition = entry.partition
        and line.incarnation = entry.incarnation
        and line.next_offset = entry.first_offset
        and entry.kind in (line.kind, 'empty')
    returning line.topic, line.partition, line.batch_id
),

begun as (
    insert into ingest.batches (
        consumer_group,
        topic,
        partition,
        incarnation,
        kind,
        first_offset,
        next_offset,
        records,
        applied,
        unchanged,
        dead_lettered
    )
    select
        %(consumer_group)s,
        entry.topic,
        entry.partition,
        entry.incarnation,
        entry.kind,
        entry.first_offset,
        entry.next_offset,
        entry.records,
        entry.applied,
        entry.unchanged,
        entry.dead_lettered
    from entry
    where
        not exists (
            select from extended
            where extended.topic = entry.topic and extended.partition = entry.partition
        )
    returning topic, partition, batch_id
)

select
    topic,
    partition,
    batch_id
from extended
union all
select
    topic,
    partition,
    batch_id
from begun;
