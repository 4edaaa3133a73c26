-- What metrics.article_commenters says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article with a published comment.
--   Reads only.
select
    per_day.article_id,
    array_agg(per_day.day order by per_day.day) as days,
    array_agg(per_day.commenters_digest order by per_day.day) as digests
from computing_days as per_day
where per_day.unique_commenters > 0
group by per_day.article_id
