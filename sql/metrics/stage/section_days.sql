-- Purpose: what happened in each section on the days that are computed again, in all sections of
--   the site, because the site's figures need all of them. Staged as computing_section_days.
-- Parameters: sites, sections, days (arrays of equal length). Grain: one row per site, section and
--   day; is_touched: this section's figures are computed again. Re-run: reads only.
select
    daily.site,
    daily.section,
    daily.day,
    max(daily.time_zone) as time_zone,
    count(*) as articles,
    sum(daily.comments) as comments,
    sum(daily.replies) as replies,
    sum(daily.reactions) as reactions,
    sum(daily.reports) as reports,
    sum(daily.rejected) as rejected,
    sum(daily.late) as late,
    (daily.site, coalesce(daily.section, ''), daily.day) in (
        select touched.site, coalesce(touched.section, ''), touched.day
        from unnest(
            %(sites)s::text[], %(sections)s::text[], %(days)s::date[]
        ) as touched (site, section, day)
    ) as is_touched
from metrics.article_daily as daily
where daily.day = any(%(days)s::date[])
    and (daily.site, daily.day) in (
        select site_day.site, site_day.day
        from unnest(%(sites)s::text[], %(days)s::date[]) as site_day (site, day)
    )
group by daily.site, daily.section, daily.day
