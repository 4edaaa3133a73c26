-- Computes metrics.article_abuse_reasons for the given articles from the base tables; see definitions.yaml beside it.
-- Parameters: articles, metric_version. Grain: one row per article and reason. Safe to re-run: a function of the rows, by upsert and removal.
with computed as materialized (
    select
        report_round.article_id,
        report_round.reason,
        count(*) as reports,
        count(distinct report_round.reporter_kind || ' ' || report_round.reporter_id) as unique_reporters,
        count(*) filter (where report_round.outcome = 'upheld') as upheld,
        count(*) filter (where report_round.outcome = 'dismissed') as dismissed,
        count(*) filter (where report_round.outcome = 'ignored') as ignored,
        count(*) filter (where report_round.outcome = 'duplicate') as duplicates,
        count(*) filter (where report_round.outcome = 'void') as void,
        count(*) filter (where report_round.outcome = 'open') as open_reports
    from discussion.report_rounds(%(articles)s) as report_round
    group by report_round.article_id, report_round.reason
),

removed as (
    delete from metrics.article_abuse_reasons as kept
    where kept.article_id = any(%(articles)s)
        and not exists (
            select from computed
            where computed.article_id = kept.article_id and computed.reason = kept.reason
        )
)

insert into metrics.article_abuse_reasons as kept (
    article_id, reason, reports, unique_reporters, upheld, dismissed, ignored, duplicates, void, open_reports,
    computed_at, metric_version, watermark
)
select
    computed.article_id,
    computed.reason,
    computed.reports,
    computed.unique_reporters,
    computed.upheld,
    computed.dismissed,
    computed.ignored,
    computed.duplicates,
    computed.void,
    computed.open_reports,
    clock_timestamp(),
    %(metric_version)s,
    (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
from computed
on conflict (article_id, reason) do update
    set
        reports = excluded.reports,
        unique_reporters = excluded.unique_reporters,
        upheld = excluded.upheld,
        dismissed = excluded.dismissed,
        ignored = excluded.ignored,
        duplicates = excluded.duplicates,
        void = excluded.void,
        open_reports = excluded.open_reports,
        computed_at = excluded.computed_at,
        metric_version = excluded.metric_version,
        watermark = excluded.watermark
