-- Purpose: where the ledger is not contiguous: a line does not begin where the line before it
--   ended.
-- Parameters: consumer_group, since (null: the whole ledger).
-- Result: the first break of each topic, partition and incarnation, in that order: the expected
--   offset, the offset that was found, the line that it was found in, and the number of breaks.
-- Re-run: safe; it only reads. It reads each line once.
select
    broken.topic,
    broken.partition,
    broken.incarnation,
    broken.expected,
    broken.first_offset as found,
    line.batch_id,
    line.committed_at,
    broken.breaks
from (
    select distinct on (step.topic, step.partition, step.incarnation)
        step.*,
        count(*) over (partition by step.topic, step.partition, step.incarnation) as breaks
    from (
        select
            consumer_group,
            topic,
            partition,
            incarnation,
            first_offset,
            lag(next_offset) over (
                partition by consumer_group, topic, partition, incarnation
                order by first_offset
            ) as expected
        from ingest.batches
        where
            consumer_group = %(consumer_group)s
            and kind in ('batch', 'empty', 'gap')
            and (%(since)s::timestamptz is null or committed_at >= %(since)s)
    ) as step
    where step.first_offset <> step.expected
    order by step.topic, step.partition, step.incarnation, step.first_offset
) as broken
-- One look-up per break: for a join the planner, which expects a break at every line, would sort
-- the whole ledger.
cross join lateral (
    select
        line.batch_id,
        line.committed_at
    from ingest.batches as line
    where
        line.consumer_group = broken.consumer_group
        and line.topic = broken.topic
        and line.partition = broken.partition
        and line.incarnation = broken.incarnation
        and line.first_offset = broken.first_offset
        and line.kind in ('batch', 'empty', 'gap')
    limit 1
) as line
order by broken.topic, broken.partition, broken.incarnation
