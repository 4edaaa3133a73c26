-- Computes metrics.open_reports for the given articles from the base tables, but for the weights, which weigh.sql sets next; see
-- definitions.yaml beside it.
-- Parameters: articles, metric_version. Grain: one row per comment with an open round. Safe to re-run: a function of the rows, by upsert and
-- removal.
with computed as materialized (
    select
        report_round.article_id,
        report_round.comment_id,
        count(*) as open_reports,
        count(distinct report_round.reporter_kind || ' ' || report_round.reporter_id) as unique_reporters,
        coalesce(
            array_agg(distinct report_round.reporter_id) filter (where report_round.reporter_kind = 'user'), '{}'
        ) as signed_in_reporters,
        array_agg(distinct report_round.reason) as reasons,
        min(report_round.began_at) as oldest_open_at,
        max(comment.first_visible_at) filter (where comment.visible) as visible_since,
        max(discussion.severity(report_round.reason)) as severity
    from discussion.report_rounds(%(articles)s) as report_round
    left join discussion.comment_standing(%(articles)s) as comment
        on comment.article_id = report_round.article_id and comment.comment_id = report_round.comment_id
    where report_round.outcome = 'open'
    group by report_round.article_id, report_round.comment_id
),

removed as (
    delete from metrics.open_reports as kept
    where kept.article_id = any(%(articles)s)
        and not exists (
            select from computed
            where computed.article_id = kept.article_id and computed.comment_id = kept.comment_id
        )
)

insert into metrics.open_reports as kept (
    article_id, comment_id, open_reports, unique_reporters, signed_in_reporters, reasons, oldest_open_at,
    visible_since, severity, weight, urgency_key, computed_at, metric_version, watermark
)
select
    computed.article_id,
    computed.comment_id,
    computed.open_reports,
    computed.unique_reporters,
    computed.signed_in_reporters,
    computed.reasons,
    computed.oldest_open_at,
    computed.visible_since,
    computed.severity,
    0,
    0,
    clock_timestamp(),
    %(metric_version)s,
    (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
from computed
on conflict (article_id, comment_id) do update
    set
        open_reports = excluded.open_reports,
        unique_reporters = excluded.unique_reporters,
        signed_in_reporters = excluded.signed_in_reporters,
        reasons = excluded.reasons,
        oldest_open_at = excluded.oldest_open_at,
        visible_since = excluded.visible_since,
        severity = excluded.severity,
        computed_at = excluded.computed_at,
        metric_version = excluded.metric_version,
        watermark = excluded.watermark
