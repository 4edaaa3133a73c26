-- Purpose: who commented on the days that are computed again. Staged as computing_commenters. Reads
--   the comments of a range of time that holds those days in any time zone. Finds the day of each
--   comment, zone by zone (there is nearly always one), before it compares days: a comment meets
--   one day, not all days of its article.
-- Parameters: articles (those in computing_members, which is staged), days. Grain: one row per
--   site, section, day and author.
-- Re-run: reads only.
with placed as materialized (
    select
        comment.article_id,
        zone.time_zone,
        (comment.posted_at at time zone zone.time_zone)::date as day,
        comment.user_id
    from discussion.comment_standing(%(articles)s) as comment
    cross join (
        select distinct zoned.time_zone
        from computing_members as zoned
    ) as zone
    where comment.published
        and comment.posted_at >= (select min(day) - 1 from unnest(%(days)s::date[]) as day)
        and comment.posted_at < (select max(day) + 2 from unnest(%(days)s::date[]) as day)
)

select distinct
    member.site,
    member.section,
    member.day,
    placed.user_id collate "C" as user_id
from placed
inner join computing_members as member
    on member.article_id = placed.article_id
    and member.time_zone = placed.time_zone
    and member.day = placed.day
