-- Purpose: what happened under each article of a site in some days, for `btl report`, which adds by
--   what, and how many.
-- Parameters: site, first_day, last_day (included).
-- Grain: one row per article with any figure. Re-run: safe; it only reads.
select
    summed.article_id,
    article.headline,
    summed.section,
    summed.comments,
    summed.reactions,
    summed.reports,
    summed.rejected,
    summed.late
from (
    select
        daily.article_id,
        min(daily.section) as section,
        sum(daily.comments)::bigint as comments,
        sum(daily.reactions)::bigint as reactions,
        sum(daily.reports)::bigint as reports,
        sum(daily.rejected)::bigint as rejected,
        sum(daily.late)::bigint as late
    from metrics.article_daily as daily
    where daily.day between %(first_day)s and %(last_day)s
        and daily.site = %(site)s
    group by daily.article_id
) as summed
left join metrics.articles as article on article.article_id = summed.article_id
