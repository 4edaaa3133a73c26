-- Purpose: write the ledger: what happened to the records of a batch.
-- Parameters: consumer_group, and arrays of equal length: topics, partitions, incarnations, kinds,
--   first_offsets, next_offsets, records, applied, unchanged, dead_lettered.
-- Grain: one row per partition of the batch.
-- Re-run: rejected by the unique index on (group, topic, partition, incarnation, first_offset).
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
from
    unnest(
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
    ) as entry (
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
    );
