-- Stages who commented on the days that are computed again. Looks at the comments of a range of time that holds those days in
-- any time zone, then zone by zone (there is nearly always one), so that a comment is compared with one day and not with all
-- days of its article.
-- Parameters: articles (those in computing_members, which is staged), days. Grain: one row per site, section, day and author.
-- Safe to re-run: into a temporary table that every commit empties.
insert into computing_commenters (site, section, day, user_id)
select distinct member.site, member.section, member.day, comment.user_id
from discussion.comment_standing(%(articles)s) as comment
cross join (
    select distinct zoned.time_zone
    from computing_members as zoned
) as zone
inner join computing_members as member
    on member.article_id = comment.article_id
    and member.time_zone = zone.time_zone
    and member.day = (comment.posted_at at time zone zone.time_zone)::date
where comment.published
    and comment.posted_at >= (select min(day) - 1 from unnest(%(days)s::date[]) as day)
    and comment.posted_at < (select max(day) + 2 from unnest(%(days)s::date[]) as day)
