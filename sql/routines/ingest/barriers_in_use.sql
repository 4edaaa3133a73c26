-- The barriers that others go by, however old they are.
create or replace function ingest.barriers_in_use() returns setof bigint
language sql stable
as $$
    -- No closing run applies windows up to less than this.
    (
        select passed.barrier_id
        from ingest.barriers as passed
        where passed.passed_at is not null
        order by passed.cut_off desc, passed.barrier_id desc
        limit 1
    )
    union
    -- The watermark of the next metrics run.
    (
        select passed.barrier_id
        from ingest.barriers as passed
        where passed.passed_at is not null
        order by passed.taken_at desc, passed.barrier_id desc
        limit 1
    )
    union
    -- Up to here everything is counted: metrics.freshness.
    (
        select applied.barrier_id
        from ingest.barriers as applied
        where applied.applied_at is not null
        order by applied.taken_at desc, applied.barrier_id desc
        limit 1
    )
    union
    select max(taken.barrier_id)
    from ingest.barriers as taken
    having max(taken.barrier_id) is not null
$$;

comment on function ingest.barriers_in_use is
'Barriers that must stay: the one taken last, and of those that passed the one with the greatest '
'cut-off, the last one, and the last one behind which windows were applied.';

grant execute on function ingest.barriers_in_use to btl_retention;
