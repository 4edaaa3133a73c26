-- Severity: warn
-- Says: yesterday's comments of a site are fewer than a fifth, or more than five times, of what the
--   same weekday had
-- Do: see whether a producer is down or floods; btl top --since 2d shows where the comments are
-- Grain: one row per site, of those with that weekday in at least three of the last four weeks.
--   Re-run: reads only.
select
    yesterday.site,
    yesterday.day,
    coalesce(of_day.comments, 0) as comments,
    before.usual
from (
    select
        known.site,
        max(known.time_zone) as time_zone,
        (now() at time zone max(known.time_zone))::date - 1 as day
    from metrics.site_daily as known
    group by known.site
) as yesterday
inner join lateral (
    select avg(past.comments) as usual, count(*) as days
    from metrics.site_daily as past
    where past.site = yesterday.site
        and past.day in (
            yesterday.day - 7, yesterday.day - 14, yesterday.day - 21, yesterday.day - 28
        )
) as before on before.days >= 3
left join metrics.site_daily as of_day
    on of_day.site = yesterday.site and of_day.day = yesterday.day
where coalesce(of_day.comments, 0) not between before.usual / 5 and before.usual * 5
