-- What metrics.article_hourly says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article and UTC hour in which anything
--   happened. Reads only.
-- Counted by author first: far cheaper than count(distinct), which sorts. As integers: a sum of
--   bigint is numeric.
select
    per_author.article_id,
    per_author.hour,
    sum(per_author.comments) as comments,
    sum(per_author.replies) as replies,
    count(per_author.user_id) as unique_commenters,
    sum(per_author.reactions) as reactions,
    sum(per_author.reports) as reports,
    sum(per_author.rejected) as rejected,
    sum(per_author.late) as late
from (
    select
        event.article_id,
        date_bin('1 hour', event.happened_at, '1970-01-01 00:00+00') as hour,
        event.user_id,
        sum(event.comments)::integer as comments,
        sum(event.replies)::integer as replies,
        sum(event.reactions)::integer as reactions,
        sum(event.reports)::integer as reports,
        sum(event.rejected)::integer as rejected,
        sum(event.late)::integer as late
    from computing_events as event
    group by event.article_id, hour, event.user_id
) as per_author
group by per_author.article_id, per_author.hour
