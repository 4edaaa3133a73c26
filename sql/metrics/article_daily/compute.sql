-- What metrics.article_daily says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: time_zone; the bucket is staged. Grain: one row per article and day on which anything
--   happened. Reads only.
select
    per_day.article_id,
    per_day.day,
    article.site,
    article.section,
    %(time_zone)s::text as time_zone,
    per_day.comments,
    per_day.replies,
    per_day.unique_commenters,
    per_day.reactions,
    per_day.reports,
    per_day.rejected,
    per_day.late
from computing_days as per_day
inner join computing_articles as article on article.article_id = per_day.article_id
