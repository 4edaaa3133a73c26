-- Purpose: the figures of days, for metrics.section_daily or metrics.site_daily; see
--   definitions.yaml of each. Sums what belongs to one article over article_daily, which is
--   computed from the base tables; counts people in the base tables.
-- Parameters: by_section (true: one row per section, of the sections whose days are computed
--   again); the days are staged.
-- Grain: one row per site, day and, by_section, section (null without by_section). Re-run: reads
--   only.
select
    per_day.site,
    per_day.section,
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
        case when %(by_section)s then member.section end as section,
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
    where member.of_touched_section or not %(by_section)s
    group by member.site, case when %(by_section)s then member.section end, member.day
) as per_day
left join (
    select per_person.site, per_person.section, per_person.day, count(per_person.user_id) as people
    from (
        select distinct
            author.site,
            case when %(by_section)s then author.section end as section,
            author.day,
            author.user_id
        from computing_commenters as author
    ) as per_person
    group by per_person.site, per_person.section, per_person.day
) as commenter
    on commenter.site = per_day.site
    and commenter.day = per_day.day
    and coalesce(commenter.section, '') = coalesce(per_day.section, '')
