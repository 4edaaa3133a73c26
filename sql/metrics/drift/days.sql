-- Purpose: days of sections, and whether their rows, and the rows of their sites, wait for a run: a
--   section of the site is marked on that day, or an article that is active on it.
-- Parameters: articles (only their days; null: all).
-- Grain: one row per site, section and day. Re-run: reads only.
select known.site, known.section, known.day, waiting.day is not null as is_marked
from (
    select daily.site, daily.section, daily.day
    from metrics.article_daily as daily
    where daily.site is not null
        and (%(articles)s::text[] is null or daily.article_id = any(%(articles)s::text[]))
    union
    select section_day.site, section_day.section, section_day.day
    from metrics.section_daily as section_day
    where %(articles)s::text[] is null
    union
    select site_day.site, null, site_day.day
    from metrics.site_daily as site_day
    where %(articles)s::text[] is null
    union
    select counted.site, counted.section, counted.day
    from metrics.daily_commenters as counted
    where %(articles)s::text[] is null
) as known
left join (
    select mark.site, mark.day from ingest.dirty_days as mark
    union
    select active.site, active.day
    from ingest.dirty_articles as mark
    inner join metrics.article_daily as active on active.article_id = mark.article_id
) as waiting on waiting.site = known.site and waiting.day = known.day
order by known.day, known.site, known.section
