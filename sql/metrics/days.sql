-- Purpose: the figures of days, for metrics.section_daily or metrics.site_daily; see
--   definitions.yaml of each. Sums what belongs to one article over article_daily, which is
--   computed from the base tables; people are counted in daily_commenters, over
--   article_commenters.
-- Parameters: by_section (true: one row per section, of the sections whose days are computed
--   again); the days are staged, and daily_commenters is computed.
-- Grain: one row per site, day and, by_section, section (null without by_section). Re-run: reads
--   only.
select
    per_day.site,
    per_day.section,
    per_day.day,
    per_day.time_zone,
    per_day.articles,
    per_day.comments,
    per_day.replies,
    coalesce(commenters.people, 0) as unique_commenters,
    per_day.reactions,
    per_day.reports,
    per_day.rejected,
    per_day.late
from (
    select
        section_day.site,
        case when %(by_section)s then section_day.section end as section,
        section_day.day,
        max(section_day.time_zone) as time_zone,
        sum(section_day.articles) as articles,
        sum(section_day.comments) as comments,
        sum(section_day.replies) as replies,
        sum(section_day.reactions) as reactions,
        sum(section_day.reports) as reports,
        sum(section_day.rejected) as rejected,
        sum(section_day.late) as late
    from computing_section_days as section_day
    where section_day.is_touched or not %(by_section)s
    group by
        section_day.site,
        case when %(by_section)s then section_day.section end,
        section_day.day
) as per_day
left join (
    select
        counted.site,
        counted.section,
        counted.day,
        (select sum(part.people) from unnest(counted.people) as part (people)) as people
    from computed_daily_commenters as counted
    where counted.whole_site = not %(by_section)s
) as commenters
    on commenters.site = per_day.site
    and commenters.day = per_day.day
    and coalesce(commenters.section, '') = coalesce(per_day.section, '')
