-- Sets weight and urgency_key in metrics.open_reports: of the given articles' comments, and of those that the given reporters
-- reported; see definitions.yaml beside it.
-- Parameters: articles, user_ids. Grain: one row per comment with an open round. Safe to re-run: a function of the rows.
with concerned as materialized (
    select
        backlog.article_id,
        backlog.comment_id,
        backlog.signed_in_reporters,
        0.5 * (backlog.unique_reporters - cardinality(backlog.signed_in_reporters)) as anonymous_weight
    from metrics.open_reports as backlog
    where backlog.article_id = any(%(articles)s) or backlog.signed_in_reporters && %(user_ids)s::text[]
),

weighed as (
    select
        concerned.article_id,
        concerned.comment_id,
        concerned.anonymous_weight + coalesce(
            sum(0.5 + coalesce(known.accuracy, 0.5)) filter (where reporter.user_id is not null), 0
        ) as weight
    from concerned
    left join lateral unnest(concerned.signed_in_reporters) as reporter (user_id) on true
    left join metrics.reporter_accuracy as known on known.user_id = reporter.user_id
    group by concerned.article_id, concerned.comment_id, concerned.anonymous_weight
)

update metrics.open_reports as backlog
set
    weight = weighed.weight,
    urgency_key = 24 * backlog.severity * weighed.weight
    - coalesce(extract(epoch from backlog.visible_since)::double precision / 3600, 0)
from weighed
where backlog.article_id = weighed.article_id and backlog.comment_id = weighed.comment_id
