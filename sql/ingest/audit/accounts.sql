-- Purpose: what the ledger says of each partition, added up per incarnation.
-- Parameters: consumer_group, since (null: the whole ledger).
-- Result: one row per topic, partition and incarnation, in that order. first_offset and next_offset
--   span what was read or accepted as lost (null where an incarnation has only begun). Records and
--   outcomes leave redrives out, which are counted elsewhere. batches and redrives count
--   transactions, of which a line may cover many; empties, gaps and resets count lines.
--   deleted_dead_letters: of dead_lettered, how many retention has deleted.
--   unbalanced counts lines whose own sum is wrong, or that claim records where there are none.
-- Re-run: safe; it only reads: the whole ledger once, by parallel workers.
select
    topic,
    partition,
    incarnation,
    min(first_offset) filter (where kind in ('batch', 'empty', 'gap')) as first_offset,
    max(next_offset) filter (where kind in ('batch', 'empty', 'gap')) as next_offset,
    min(first_offset) filter (where kind = 'reset') as reset_offset,
    coalesce(sum(batches) filter (where kind = 'batch'), 0)::bigint as batches,
    count(*) filter (where kind = 'empty') as empties,
    count(*) filter (where kind = 'gap') as gaps,
    count(*) filter (where kind = 'reset') as resets,
    coalesce(sum(batches) filter (where kind = 'redrive'), 0)::bigint as redrives,
    coalesce(sum(next_offset - first_offset) filter (where kind = 'gap'), 0)::bigint as gap_offsets,
    coalesce(sum(records) filter (where kind <> 'redrive'), 0)::bigint as records,
    coalesce(sum(applied) filter (where kind <> 'redrive'), 0)::bigint as applied,
    coalesce(sum(unchanged) filter (where kind <> 'redrive'), 0)::bigint as unchanged,
    coalesce(sum(dead_lettered) filter (where kind <> 'redrive'), 0)::bigint as dead_lettered,
    coalesce(sum(deleted_dead_letters), 0)::bigint as deleted_dead_letters,
    count(*) filter (
        where records <> applied + unchanged + dead_lettered
        or (kind = 'batch' and records > next_offset - first_offset)
        or (kind in ('empty', 'gap', 'reset') and records <> 0)
    ) as unbalanced,
    min(coalesce(first_committed_at, committed_at)) as first_at,
    max(committed_at) as last_at
from ingest.batches
where
    consumer_group = %(consumer_group)s
    and (%(since)s::timestamptz is null or committed_at >= %(since)s)
group by topic, partition, incarnation
order by topic, partition, incarnation
