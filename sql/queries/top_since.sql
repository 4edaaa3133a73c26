-- Purpose: what happened under articles since a time, in whole hours, for lists of those with most
--   of something: `btl top --since` adds by what, and how many.
-- Parameters: since. Grain: one row per article. Re-run: reads only.
select
    recent.article_id,
    article.headline,
    article.section,
    recent.comments,
    recent.replies,
    recent.reactions,
    recent.reports,
    recent.rejected,
    recent.late
from (
    select
        hourly.article_id,
        sum(hourly.comments) as comments,
        sum(hourly.replies) as replies,
        sum(hourly.reactions) as reactions,
        sum(hourly.reports) as reports,
        sum(hourly.rejected) as rejected,
        sum(hourly.late) as late
    from metrics.article_hourly as hourly
    where hourly.hour >= date_trunc('hour', %(since)s::timestamptz, 'UTC')
    group by hourly.article_id
) as recent
left join metrics.articles as article on article.article_id = recent.article_id
