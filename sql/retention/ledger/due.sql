-- Purpose: how many lines of the ledger could be folded into the line before them: see fold.sql and
--   fold_redrives.sql.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest line that stays as it is. Re-run: safe; it only reads.
with line as (
    select
        batch.*,
        (batch.committed_at at time zone 'UTC')::date as day,
        batch.records = batch.applied + batch.unchanged + batch.dead_lettered as adds_up,
        lag(batch.next_offset) over place as expected,
        lag((batch.committed_at at time zone 'UTC')::date) over place as day_before,
        lag(batch.kind in ('batch', 'empty')) over place as progress_before,
        lag(batch.records = batch.applied + batch.unchanged + batch.dead_lettered) over place
            as added_up_before,
        lead(batch.first_offset) over place as next_line
    from ingest.batches as batch
    where batch.kind in ('batch', 'empty', 'gap')
    window place as (
        partition by batch.consumer_group, batch.topic, batch.partition, batch.incarnation
        order by batch.first_offset
    )
),

progress as (
    select count(*) as due_rows
    from line
    where line.committed_at < %(before)s
        and line.kind in ('batch', 'empty')
        and line.progress_before
        and line.expected = line.first_offset
        and line.day = line.day_before
        and line.adds_up
        and line.added_up_before
        and line.next_line is not null
),

redrives as (
    select coalesce(sum(alike.lines - 1), 0)::bigint as due_rows
    from (
        select count(*) as lines
        from ingest.batches as batch
        where batch.kind = 'redrive' and batch.committed_at < %(before)s
        group by
            batch.consumer_group,
            batch.topic,
            batch.partition,
            batch.incarnation,
            (batch.committed_at at time zone 'UTC')::date
    ) as alike
)

select
    progress.due_rows + redrives.due_rows as due_rows,
    round(
        pg_total_relation_size('ingest.batches')::numeric
        * (progress.due_rows + redrives.due_rows)
        / greatest((select count(*) from ingest.batches), 1)
    )::bigint as due_bytes,
    (select min(batch.committed_at) from ingest.batches as batch
    where batch.committed_at >= %(before)s) as oldest_kept
from progress
cross join redrives
