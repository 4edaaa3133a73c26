-- Purpose: write the ledger of a redrive: what happened to each dead letter of a chunk. Positions
--   do not move.
-- Parameters: consumer_group; topic_id; and arrays of equal length: topics, partitions,
--   first_offsets, next_offsets, records, applied, unchanged, dead_lettered. Offsets are those of
--   the first dead letter and after the last; records in between that were not redriven are in that
--   span, too.
-- Grain: one row per partition of the chunk. If the topic was created again since, the row has the
--   incarnation before the present one.
-- Re-run: writes another row. The caller's transaction settles the dead letters with it, so that no
--   redrive finds them again.
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
    case
        when position.topic_id is null then 1
        when position.topic_id = %(topic_id)s then position.incarnation
        else greatest(position.incarnation - 1, 1)
    end,
    'redrive',
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
        %(first_offsets)s::bigint[],
        %(next_offsets)s::bigint[],
        %(records)s::bigint[],
        %(applied)s::bigint[],
        %(unchanged)s::bigint[],
        %(dead_lettered)s::bigint[]
    ) as entry (
        topic, partition, first_offset, next_offset, records, applied, unchanged, dead_lettered
    )
left join ingest.partition_offsets as position
    on
        position.consumer_group = %(consumer_group)s
        and entry.topic = position.topic
        and entry.partition = position.partition;
