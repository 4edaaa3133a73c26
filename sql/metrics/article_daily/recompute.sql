-- Computes metrics.article_daily for the given articles from the base tables; see definitions.yaml beside it. Marks the days of
-- sections whose figures that may change, of the old section, too, where an article has moved.
-- Parameters: articles, metric_version, time_zone (by which days are cut). Grain: one row per article and day.
-- Safe to re-run: a function of the rows, by upsert and removal; what did not change marks nothing.
with computed as materialized (
    select
        activity.article_id,
        (activity.at at time zone %(time_zone)s)::date as day,
        article.site,
        article.section,
        %(time_zone)s::text as time_zone,
        count(*) filter (where activity.what = 'comment') as comments,
        count(*) filter (where activity.what = 'comment' and activity.is_reply) as replies,
        count(distinct activity.user_id) filter (where activity.what = 'comment') as unique_commenters,
        count(*) filter (where activity.what = 'reaction') as reactions,
        count(*) filter (where activity.what = 'report') as reports,
        count(*) filter (where activity.what = 'rejected') as rejected,
        count(*) filter (where activity.what = 'late') as late
    from discussion.activity(%(articles)s) as activity
    left join discussion.articles as article
        on article.article_id = activity.article_id and article.article_id = any(%(articles)s)
    group by activity.article_id, day, article.site, article.section
),

before as materialized (
    select kept.*
    from metrics.article_daily as kept
    where kept.article_id = any(%(articles)s)
),

removed as (
    delete from metrics.article_daily as kept
    where kept.article_id = any(%(articles)s)
        and not exists (
            select from computed
            where computed.article_id = kept.article_id and computed.day = kept.day
        )
),

written as (
    insert into metrics.article_daily as kept (
        article_id, day, site, section, time_zone, comments, replies, unique_commenters, reactions, reports,
        rejected, late, computed_at, metric_version, watermark
    )
    select
        computed.article_id,
        computed.day,
        computed.site,
        computed.section,
        computed.time_zone,
        computed.comments,
        computed.replies,
        computed.unique_commenters,
        computed.reactions,
        computed.reports,
        computed.rejected,
        computed.late,
        clock_timestamp(),
        %(metric_version)s,
        (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
    from computed
    on conflict (article_id, day) do update
        set
            site = excluded.site,
            section = excluded.section,
            time_zone = excluded.time_zone,
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
)

insert into ingest.dirty_days (site, section, day)
select distinct changed.site, changed.section, changed.day
from (
    select place.site, place.section, coalesce(computed.day, before.day) as day
    from computed
    full join before on before.article_id = computed.article_id and before.day = computed.day
    cross join lateral (values (before.site, before.section), (computed.site, computed.section)) as place (site, section)
    where (
        before.site, before.section, before.time_zone, before.comments, before.replies,
        before.unique_commenters, before.reactions, before.reports, before.rejected, before.late
    ) is distinct from (
        computed.site, computed.section, computed.time_zone, computed.comments, computed.replies,
        computed.unique_commenters, computed.reactions, computed.reports, computed.rejected, computed.late
    )
) as changed
where changed.site is not null
