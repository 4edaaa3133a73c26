-- Severity: fail
-- Says: the sections of a site do not sum to its day
-- Do: run the DAG daily_metrics for that day, or btl metrics rebuild
-- Grain: one row per site and day. Days that are marked are left to the next run. Re-run: reads
--   only.
select
    coalesce(site_day.site, sections.site) as site,
    coalesce(site_day.day, sections.day) as day,
    site_day.comments,
    sections.comments as comments_by_section
from metrics.site_daily as site_day
full join (
    select
        section_day.site,
        section_day.day,
        sum(section_day.articles) as articles,
        sum(section_day.comments) as comments,
        sum(section_day.reactions) as reactions,
        sum(section_day.reports) as reports,
        sum(section_day.late) as late
    from metrics.section_daily as section_day
    group by section_day.site, section_day.day
) as sections on sections.site = site_day.site and sections.day = site_day.day
where (site_day.articles, site_day.comments, site_day.reactions, site_day.reports, site_day.late)
    is distinct from (
        sections.articles,
        sections.comments,
        sections.reactions,
        sections.reports,
        sections.late
    )
    and not exists (
        select from ingest.dirty_days as mark
        where mark.site = coalesce(site_day.site, sections.site)
            and mark.day = coalesce(site_day.day, sections.day)
    )
