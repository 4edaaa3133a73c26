-- Computes metrics.article_reporters for the given articles from the base tables; see definitions.yaml beside it. Marks the
-- reporters whose accuracy that may change.
-- Parameters: articles, metric_version. Grain: one row per article and signed-in reporter. Safe to re-run: a function of the rows, by upsert
-- and removal; what did not change marks nothing.
with computed as materialized (
    select
        report_round.article_id,
        report_round.reporter_id as user_id,
        count(*) as reports,
        count(*) filter (where report_round.outcome = 'upheld') as upheld,
        count(*) filter (where report_round.outcome = 'dismissed') as dismissed,
        count(*) filter (where report_round.outcome = 'ignored') as ignored,
        count(*) filter (where report_round.outcome = 'duplicate') as duplicates,
        count(*) filter (where report_round.outcome = 'void') as void,
        count(*) filter (where report_round.outcome = 'open') as open_reports
    from discussion.report_rounds(%(articles)s) as report_round
    where report_round.reporter_kind = 'user'
    group by report_round.article_id, report_round.reporter_id
),

before as materialized (
    select kept.*
    from metrics.article_reporters as kept
    where kept.article_id = any(%(articles)s)
),

removed as (
    delete from metrics.article_reporters as kept
    where kept.article_id = any(%(articles)s)
        and not exists (
            select from computed
            where computed.article_id = kept.article_id and computed.user_id = kept.user_id
        )
),

written as (
    insert into metrics.article_reporters as kept (
        article_id, user_id, reports, upheld, dismissed, ignored, duplicates, void, open_reports, computed_at,
        metric_version, watermark
    )
    select
        computed.article_id,
        computed.user_id,
        computed.reports,
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
    on conflict (article_id, user_id) do update
        set
            reports = excluded.reports,
            upheld = excluded.upheld,
            dismissed = excluded.dismissed,
            ignored = excluded.ignored,
            duplicates = excluded.duplicates,
            void = excluded.void,
            open_reports = excluded.open_reports,
            computed_at = excluded.computed_at,
            metric_version = excluded.metric_version,
            watermark = excluded.watermark
)

insert into ingest.dirty_reporters (user_id)
select distinct coalesce(computed.user_id, before.user_id)
from computed
full join before on before.article_id = computed.article_id and before.user_id = computed.user_id
where (
    before.reports, before.upheld, before.dismissed, before.ignored, before.duplicates, before.void, before.open_reports
) is distinct from (
    computed.reports, computed.upheld, computed.dismissed, computed.ignored, computed.duplicates, computed.void, computed.open_reports
)
