-- Purpose: what happened under each article on the days that are computed again, in all sections of
--   the site, because the site's figures need all of them. Staged as computing_members.
-- Parameters: sites, sections, days (arrays of equal length). Grain: one row per article and day.
--   Re-run: reads only.
select
    daily.*,
    (daily.site, coalesce(daily.section, ''), daily.day) in (
        select touched.site, coalesce(touched.section, ''), touched.day
        from unnest(
            %(sites)s::text[], %(sections)s::text[], %(days)s::date[]
        ) as touched (site, section, day)
    ) as of_touched_section
from metrics.article_daily as daily
where daily.day = any(%(days)s::date[])
    and (daily.site, daily.day) in (
        select site_day.site, site_day.day
        from unnest(%(sites)s::text[], %(days)s::date[]) as site_day (site, day)
    )
