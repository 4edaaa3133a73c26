-- Purpose: days of sections whose rows, and the rows of whose sites, must be right: neither a
--   section of the site on that day nor an article that is active on it is marked.
-- Parameters: articles (only their days; null: all), limit (number of random days; null: all, in
--   order).
-- Grain: one row per site, section and day. Re-run: reads only.
select known.site, known.section, known.day
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
where not exists (
    select from ingest.dirty_days as mark
    where mark.site = known.site and mark.day = known.day
)
and not exists (
    select
    from ingest.dirty_articles as mark
    inner join metrics.article_daily as waiting on waiting.article_id = mark.article_id
    where waiting.site = known.site and waiting.day = known.day
)
order by
    case when %(limit)s::bigint is not null then random() end,
    known.day,
    known.site,
    known.section
limit %(limit)s
