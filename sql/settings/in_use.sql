-- What a database that has no settings yet was used with: the time zone of the days computed last,
-- and what the last closing run went by, else the consumer group that moved last.
-- Parameters: none. Grain: one row; null: not used yet. Reads only.
select
    (
        select site_day.time_zone
        from metrics.site_daily as site_day
        order by site_day.computed_at desc
        limit 1
    ) as site_timezone,
    extract(epoch from barrier.taken_at - barrier.cut_off)::integer::text as close_delay,
    barrier.grace_seconds::text as grace,
    coalesce(
        barrier.consumer_group,
        (
            select held.consumer_group
            from ingest.partition_offsets as held
            order by held.moved_at desc
            limit 1
        )
    ) as consumer_group
from (select) as nothing
left join lateral (
    select
        taken.taken_at,
        taken.cut_off,
        taken.grace_seconds,
        taken.consumer_group
    from ingest.barriers as taken
    order by taken.barrier_id desc
    limit 1
) as barrier on true
