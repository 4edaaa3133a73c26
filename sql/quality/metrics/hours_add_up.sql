-- Severity: fail
-- Says: the hours of an article do not sum to its figures
-- Do: btl metrics drift --articles ID names the wrong ones, btl metrics rebuild --articles ID
--   computes them again
-- Grain: one row per article. Re-run: reads only.
select
    engagement.article_id,
    engagement.comments_published,
    coalesce(hours.comments, 0) as comments_by_hour,
    abuse.reports,
    coalesce(hours.reports, 0) as reports_by_hour
from metrics.article_engagement as engagement
inner join metrics.article_abuse as abuse on abuse.article_id = engagement.article_id
left join (
    select
        hourly.article_id,
        sum(hourly.comments) as comments,
        sum(hourly.replies) as replies,
        sum(hourly.reactions) as reactions,
        sum(hourly.reports) as reports,
        sum(hourly.rejected) as rejected,
        sum(hourly.late) as late
    from metrics.article_hourly as hourly
    group by hourly.article_id
) as hours on hours.article_id = engagement.article_id
where (
    engagement.comments_published,
    engagement.replies,
    engagement.reactions_added,
    engagement.late_comments,
    abuse.reports,
    abuse.rejected
) is distinct from (
    coalesce(hours.comments, 0),
    coalesce(hours.replies, 0),
    coalesce(hours.reactions, 0),
    coalesce(hours.late, 0),
    coalesce(hours.reports, 0),
    coalesce(hours.rejected, 0)
)
