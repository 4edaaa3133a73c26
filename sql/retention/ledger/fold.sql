-- Purpose: fold the old lines of a partition into one line for each UTC day. A line is folded into
--   the one before it if it goes on exactly where that ended, on the same day, and both add up: a
--   hole stays a hole, and lines of kind gap and reset stay as they are. The folded line has the
--   number and the first offset of its first line, the last offset and time of its last one, and
--   the sums of all. The last line of a partition stays: a consumer may extend it.
-- Parameters: consumer_group, topic, partition, incarnation, before, from_offset (where the lines
--   to look at begin), chunk_rows (how many lines; at least 2).
-- Result: one row: lines that are gone, lines that were looked at, and the first offset of the last
--   one: the next chunk begins there.
-- Grain: one row per line. Index batches_contiguous holds throughout: no first offset changes.
-- Re-run: safe; folded lines of one day are one line already.
with line as materialized (
    select
        batch.*,
        (batch.committed_at at time zone 'UTC')::date as day,
        batch.kind in ('batch', 'empty')
        and batch.records = batch.applied + batch.unchanged + batch.dead_lettered as may_fold
    from ingest.batches as batch
    where batch.consumer_group = %(consumer_group)s
        and batch.topic = %(topic)s
        and batch.partition = %(partition)s
        and batch.incarnation = %(incarnation)s
        and batch.kind in ('batch', 'empty', 'gap')
        and batch.first_offset >= %(from_offset)s
        and batch.committed_at < %(before)s
        and batch.first_offset < (
            select max(latest.first_offset)
            from ingest.batches as latest
            where latest.consumer_group = %(consumer_group)s
                and latest.topic = %(topic)s
                and latest.partition = %(partition)s
                and latest.incarnation = %(incarnation)s
                and latest.kind in ('batch', 'empty', 'gap')
        )
    order by batch.first_offset
    limit %(chunk_rows)s
),

compared as (
    select
        line.*,
        coalesce(
            line.may_fold
            and lag(line.may_fold) over place
            and lag(line.next_offset) over place = line.first_offset
            and lag(line.day) over place = line.day,
            false
        ) as goes_on
    from line
    window place as (order by line.first_offset)
),

numbered as materialized (
    select
        compared.*,
        count(*) filter (where not compared.goes_on) over (order by compared.first_offset) as run
    from compared
),

run as (
    select
        min(numbered.batch_id) filter (where not numbered.goes_on) as batch_id,
        case when bool_or(numbered.kind = 'batch') then 'batch' else 'empty' end as kind,
        max(numbered.next_offset) as next_offset,
        sum(numbered.records) as records,
        sum(numbered.applied) as applied,
        sum(numbered.unchanged) as unchanged,
        sum(numbered.dead_lettered) as dead_lettered,
        sum(numbered.deleted_dead_letters) as deleted_dead_letters,
        sum(numbered.batches) as batches,
        min(coalesce(numbered.first_committed_at, numbered.committed_at)) as first_committed_at,
        max(numbered.committed_at) as committed_at
    from numbered
    group by numbered.run
    having count(*) > 1
),

folded as (
    update ingest.batches as kept
    set
        kind = run.kind,
        next_offset = run.next_offset,
        records = run.records,
        applied = run.applied,
        unchanged = run.unchanged,
        dead_lettered = run.dead_lettered,
        deleted_dead_letters = run.deleted_dead_letters,
        batches = run.batches,
        first_committed_at = run.first_committed_at,
        committed_at = run.committed_at
    from run
    where kept.batch_id = run.batch_id
),

gone as (
    delete from ingest.batches as batch
    using numbered
    where batch.batch_id = numbered.batch_id and numbered.goes_on
    returning batch.batch_id
)

select
    (select count(*) from gone) as deleted,
    count(*) as seen,
    max(numbered.first_offset) filter (where not numbered.goes_on) as last_offset
from numbered
