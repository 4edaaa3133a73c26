-- What metrics.article_hourly says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article and UTC hour in which anything
--   happened. Reads only.
select
    article.article_id,
    per_hour.hour,
    per_hour.comments,
    per_hour.replies,
    per_hour.unique_commenters,
    per_hour.reactions,
    per_hour.reports,
    per_hour.rejected,
    per_hour.late
from computing_hours as per_hour
inner join computing_articles as article on article.article_no = per_hour.article_no
