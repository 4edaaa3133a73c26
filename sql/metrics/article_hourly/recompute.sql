-- Computes metrics.article_hourly for the given articles from the base tables; see definitions.yaml beside it.
-- Parameters: articles, metric_version. Grain: one row per article and hour. Safe to re-run: a function of the rows, by upsert and removal.
with computed as materialized (
    select
        activity.article_id,
        date_trunc('hour', activity.at, 'UTC') as hour,
        count(*) filter (where activity.what = 'comment') as comments,
        count(*) filter (where activity.what = 'comment' and activity.is_reply) as replies,
        count(distinct activity.user_id) filter (where activity.what = 'comment') as unique_commenters,
        count(*) filter (where activity.what = 'reaction') as reactions,
        count(*) filter (where activity.what = 'report') as reports,
        count(*) filter (where activity.what = 'rejected') as rejected,
        count(*) filter (where activity.what = 'late') as late
    from discussion.activity(%(articles)s) as activity
    group by activity.article_id, hour
),

removed as (
    delete from metrics.article_hourly as kept
    where kept.article_id = any(%(articles)s)
        and not exists (
            select from computed
            where computed.article_id = kept.article_id and computed.hour = kept.hour
        )
)

insert into metrics.article_hourly as kept (
    article_id, hour, comments, replies, unique_commenters, reactions, reports, rejected, late, computed_at,
    metric_version, watermark
)
select
    computed.article_id,
    computed.hour,
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
on conflict (article_id, hour) do update
    set
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
