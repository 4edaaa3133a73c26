-- Computes metrics.section_daily for the given days from metrics.article_daily, and the distinct authors from the base tables; see
-- definitions.yaml beside it.
-- Parameters: sites, sections, days (arrays of equal length), metric_version. Grain: one row per site, section and day.
-- Safe to re-run: a function of the rows, by upsert and removal.
with touched as materialized (
    select distinct touched.site, touched.section, touched.day
    from unnest(%(sites)s::text[], %(sections)s::text[], %(days)s::date[]) as touched (site, section, day)
),

member as materialized (
    select daily.*
    from metrics.article_daily as daily
    inner join touched
        on touched.site = daily.site and touched.day = daily.day and touched.section is not distinct from daily.section
),

author as (
    select member.site, member.section, member.day, count(distinct comment.user_id) as unique_commenters
    from discussion.comment_standing((select array_agg(distinct active.article_id) from member as active)) as comment
    inner join member
        on member.article_id = comment.article_id
        and member.day = (comment.posted_at at time zone member.time_zone)::date
    where comment.published
    group by member.site, member.section, member.day
),

counted as (
    select
        member.site,
        member.section,
        member.day,
        max(member.time_zone) as time_zone,
        count(*) as articles,
        sum(member.comments) as comments,
        sum(member.replies) as replies,
        sum(member.reactions) as reactions,
        sum(member.reports) as reports,
        sum(member.rejected) as rejected,
        sum(member.late) as late
    from member
    group by member.site, member.section, member.day
),

removed as (
    delete from metrics.section_daily as kept
    using touched
    where touched.site = kept.site and touched.day = kept.day and touched.section is not distinct from kept.section
        and not exists (
            select from counted
            where counted.site = kept.site and counted.day = kept.day and counted.section is not distinct from kept.section
        )
)

insert into metrics.section_daily as kept (
    site, section, day, time_zone, articles, comments, replies, unique_commenters, reactions, reports, rejected,
    late, computed_at, metric_version, watermark
)
select
    counted.site,
    counted.section,
    counted.day,
    counted.time_zone,
    counted.articles,
    counted.comments,
    counted.replies,
    coalesce(author.unique_commenters, 0),
    counted.reactions,
    counted.reports,
    counted.rejected,
    counted.late,
    clock_timestamp(),
    %(metric_version)s,
    (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
from counted
left join author
    on author.site = counted.site and author.day = counted.day and author.section is not distinct from counted.section
on conflict (site, section, day) do update
    set
        time_zone = excluded.time_zone,
        articles = excluded.articles,
        comments = excluded.comments,
        replies = excluded.replies,
        unique_commenters = excluded.unique_commenters,
        reactions = excluded.reactions,
        reports = excluded.reports,
        rejected = excluded.rejected,
        late = excluded.late,
        computed_at = excluded.computed_at,
        metric_version = excluded.metric_version,
        watermark = excluded.watermark
