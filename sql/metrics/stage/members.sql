-- Stages what happened under each article on days that are computed again: of all sections of the site, for the site's figures.
-- Parameters: sites, sections, days (arrays of equal length). Grain: one row per article and day.
-- Safe to re-run: into a temporary table that every commit empties.
insert into computing_members
select
    daily.*,
    (daily.site, coalesce(daily.section, ''), daily.day) in (
        select touched.site, coalesce(touched.section, ''), touched.day
        from unnest(%(sites)s::text[], %(sections)s::text[], %(days)s::date[]) as touched (site, section, day)
    )
from metrics.article_daily as daily
where daily.day = any(%(days)s::date[])
    and (daily.site, daily.day) in (
        select site_day.site, site_day.day
        from unnest(%(sites)s::text[], %(days)s::date[]) as site_day (site, day)
    )
