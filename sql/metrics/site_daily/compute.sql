-- What metrics.site_daily says of the days that are computed again; see definitions.yaml beside it. What belongs to one
-- article is summed over article_daily, which is computed from the base tables; people are counted in the base tables.
-- Parameters: none; the days are staged. Grain: one row per site and day. Reads only.
select
    per_day.site,
    per_day.day,
    per_day.time_zone,
    per_day.articles,
    per_day.comments,
    per_day.replies,
    coalesce(commenter.people, 0) as unique_commenters,
    per_day.reactions,
    per_day.reports,
    per_day.rejected,
    per_day.late
from (
    select
        member.site,
        member.day,
        max(member.time_zone) as time_zone,
        count(*) as articles,
        sum(member.comments) as comments,
        sum(member.replies) as replies,
        sum(member.reactions) as reactions,
        sum(member.reports) as reports,
        sum(member.rejected) as rejected,
        sum(member.late) as late
    from computing_members as member
    group by member.site, member.day
) as per_day
left join (
    select per_author.site, per_author.day, count(per_author.user_id) as people
    from (
        select commenter.site, commenter.day, commenter.user_id
        from computing_commenters as commenter
        group by commenter.site, commenter.day, commenter.user_id
    ) as per_author
    group by per_author.site, per_author.day
) as commenter
    on commenter.site = per_day.site
    and commenter.day = per_day.day
