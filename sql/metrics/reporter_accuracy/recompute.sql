-- Computes metrics.reporter_accuracy for the given reporters from metrics.article_reporters; see definitions.yaml beside it.
-- Parameters: user_ids, metric_version. Grain: one row per signed-in reporter. Result: the reporters whose accuracy changed, on
-- which the order of the moderation queue depends. Safe to re-run: a function of the rows, by upsert and removal.
with computed as materialized (
    select
        reporter.user_id,
        count(*) as articles,
        sum(reporter.reports) as reports,
        sum(reporter.upheld) as upheld,
        sum(reporter.dismissed) as dismissed,
        sum(reporter.ignored) as ignored,
        sum(reporter.duplicates) as duplicates,
        sum(reporter.void) as void,
        sum(reporter.open_reports) as open_reports,
        case
            when sum(reporter.upheld + reporter.dismissed) >= 5
                then sum(reporter.upheld)::double precision / sum(reporter.upheld + reporter.dismissed)
        end as accuracy
    from metrics.article_reporters as reporter
    where reporter.user_id = any(%(user_ids)s)
    group by reporter.user_id
),

before as materialized (
    select kept.user_id, kept.accuracy
    from metrics.reporter_accuracy as kept
    where kept.user_id = any(%(user_ids)s)
),

removed as (
    delete from metrics.reporter_accuracy as kept
    where kept.user_id = any(%(user_ids)s)
        and not exists (
            select from computed
            where computed.user_id = kept.user_id
        )
),

written as (
    insert into metrics.reporter_accuracy as kept (
        user_id, articles, reports, upheld, dismissed, ignored, duplicates, void, open_reports, accuracy,
        computed_at, metric_version, watermark
    )
    select
        computed.user_id,
        computed.articles,
        computed.reports,
        computed.upheld,
        computed.dismissed,
        computed.ignored,
        computed.duplicates,
        computed.void,
        computed.open_reports,
        computed.accuracy,
        clock_timestamp(),
        %(metric_version)s,
        (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
    from computed
    on conflict (user_id) do update
        set
            articles = excluded.articles,
            reports = excluded.reports,
            upheld = excluded.upheld,
            dismissed = excluded.dismissed,
            ignored = excluded.ignored,
            duplicates = excluded.duplicates,
            void = excluded.void,
            open_reports = excluded.open_reports,
            accuracy = excluded.accuracy,
            computed_at = excluded.computed_at,
            metric_version = excluded.metric_version,
            watermark = excluded.watermark
)

select coalesce(computed.user_id, before.user_id)
from computed
full join before on before.user_id = computed.user_id
where before.accuracy is distinct from computed.accuracy
