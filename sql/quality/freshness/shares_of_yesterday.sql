-- Severity: warn
-- Says: yesterday readers reported, or moderators rejected, more than three times the usual share
--   of a site's comments
-- Do: btl top --by reports --since 2d shows where; see whether a campaign, a filter or a producer
--   is behind it
-- Grain: one row per site, of those with comments on that weekday in at least three of the last
--   four weeks. Re-run: reads only.
-- A share of fewer than 100 comments says little; fewer than 20 reports or rejections do
-- not count as a flood.
select
    yesterday.site,
    of_day.day,
    of_day.comments,
    of_day.reports,
    of_day.rejected,
    before.reports_per_comment as usual_reports,
    before.rejected_per_comment as usual_rejected
from (
    select known.site, (now() at time zone max(known.time_zone))::date - 1 as day
    from metrics.site_daily as known
    group by known.site
) as yesterday
inner join metrics.site_daily as of_day
    on of_day.site = yesterday.site and of_day.day = yesterday.day
inner join lateral (
    select
        sum(past.reports)::double precision / sum(past.comments) as reports_per_comment,
        sum(past.rejected)::double precision / sum(past.comments) as rejected_per_comment,
        count(*) as days
    from metrics.site_daily as past
    where past.site = yesterday.site
        and past.day in (
            yesterday.day - 7, yesterday.day - 14, yesterday.day - 21, yesterday.day - 28
        )
        and past.comments > 0
) as before on before.days >= 3
where of_day.comments >= 100
    and (
        (of_day.reports >= 20 and of_day.reports > 3 * before.reports_per_comment * of_day.comments)
        or (
            of_day.rejected >= 20
            and of_day.rejected > 3 * before.rejected_per_comment * of_day.comments
        )
    )
