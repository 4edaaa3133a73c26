-- Purpose: what happened in each section of a site in some days, most comments first, for
--   `btl report`.
-- Parameters: site, first_day, last_day (included).
-- Grain: one row per section with any figure; section null: articles without one.
--   articles: those with a figure. Re-run: safe; it only reads.
select
    daily.section,
    count(distinct daily.article_id) as articles,
    sum(daily.comments)::bigint as comments,
    sum(daily.reactions)::bigint as reactions,
    sum(daily.reports)::bigint as reports,
    sum(daily.rejected)::bigint as rejected,
    sum(daily.late)::bigint as late
from metrics.article_daily as daily
where daily.day between %(first_day)s and %(last_day)s
    and daily.site = %(site)s
group by daily.section
order by comments desc, daily.section
