-- What metrics.article_daily says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: time_zone; the bucket is staged. Grain: one row per article and day on which anything
--   happened. Reads only.
-- Counted by author first: far cheaper than count(distinct), which sorts.
select
    per_day.article_id,
    per_day.day,
    article.site,
    article.section,
    %(time_zone)s::text as time_zone,
    per_day.comments,
    per_day.replies,
    per_day.unique_commenters,
    per_day.commenters_digest,
    per_day.reactions,
    per_day.reports,
    per_day.rejected,
    per_day.late
from (
    select
        per_author.article_id,
        per_author.day,
        sum(per_author.comments) as comments,
        sum(per_author.replies) as replies,
        count(per_author.user_id) as unique_commenters,
        coalesce(bit_xor(hashtextextended(per_author.user_id, 0)), 0) as commenters_digest,
        sum(per_author.reactions) as reactions,
        sum(per_author.reports) as reports,
        sum(per_author.rejected) as rejected,
        sum(per_author.late) as late
    from (
        select
            event.article_id,
            (event.happened_at at time zone %(time_zone)s::text)::date as day,
            event.user_id,
            sum(event.comments) as comments,
            sum(event.replies) as replies,
            sum(event.reactions) as reactions,
            sum(event.reports) as reports,
            sum(event.rejected) as rejected,
            sum(event.late) as late
        from computing_events as event
        group by event.article_id, day, event.user_id
    ) as per_author
    group by per_author.article_id, per_author.day
) as per_day
inner join computing_articles as article on article.article_id = per_day.article_id
