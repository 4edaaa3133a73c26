-- Purpose: what happened under the articles of a bucket on each day of the site, and a digest of
--   who commented. Staged as computing_days.
-- Parameters: time_zone; events are staged. Grain: one row per article and day on which anything
--   happened. Re-run: reads only.
-- Counted by author first: far cheaper than count(distinct), which sorts. As integers: a sum of
--   bigint is numeric.
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
        sum(event.comments)::integer as comments,
        sum(event.replies)::integer as replies,
        sum(event.reactions)::integer as reactions,
        sum(event.reports)::integer as reports,
        sum(event.rejected)::integer as rejected,
        sum(event.late)::integer as late
    from computing_events as event
    group by event.article_id, day, event.user_id
) as per_author
group by per_author.article_id, per_author.day
