-- Computes metrics.article_abuse for the given articles from the base tables; see definitions.yaml beside it.
-- Parameters: articles, metric_version. Grain: one row per article. Safe to re-run: a function of the rows, by upsert.
with comment as materialized (
    select
        standing.article_id,
        standing.comment_id,
        standing.in_time,
        standing.published,
        standing.visible,
        standing.decision,
        standing.deleted_at,
        standing.first_visible_at
    from discussion.comment_standing(%(articles)s) as standing
),

report_round as materialized (
    select
        report_rounds.article_id,
        report_rounds.comment_id,
        report_rounds.reporter_kind,
        report_rounds.reporter_id,
        report_rounds.began_at,
        report_rounds.outcome,
        report_rounds.settled_at,
        coalesce(comment.published, false) as on_published
    from discussion.report_rounds(%(articles)s) as report_rounds
    left join comment
        on comment.article_id = report_rounds.article_id and comment.comment_id = report_rounds.comment_id
),

counted as (
    select
        comment.article_id,
        count(*) filter (where comment.published) as published,
        count(*) filter (where comment.visible) as visible,
        count(*) filter (
            where comment.in_time and comment.decision = 'rejected' and comment.deleted_at is null
        ) as rejected
    from comment
    group by comment.article_id
),

reported as (
    select
        report_round.article_id,
        count(*) as reports,
        count(distinct report_round.reporter_kind || ' ' || report_round.reporter_id) as reporters,
        count(*) filter (where report_round.reporter_kind = 'anonymous') as anonymous_reports,
        count(distinct report_round.comment_id) filter (where report_round.on_published) as reported_comments,
        count(*) filter (where report_round.on_published) as reports_on_published,
        count(*) filter (where report_round.outcome = 'upheld') as upheld,
        count(*) filter (where report_round.outcome = 'dismissed') as dismissed,
        count(*) filter (where report_round.outcome = 'ignored') as ignored,
        count(*) filter (where report_round.outcome = 'duplicate') as duplicates,
        count(*) filter (where report_round.outcome = 'void') as void,
        count(*) filter (where report_round.outcome = 'open') as open_reports,
        min(report_round.began_at) filter (where report_round.outcome = 'open') as oldest_open_at,
        percentile_cont(array[0.5, 0.9]) within group (
            order by greatest(0, extract(epoch from report_round.settled_at - report_round.began_at))::double precision
        ) filter (where report_round.outcome in ('upheld', 'dismissed', 'ignored')) as time_to_decision
    from report_round
    group by report_round.article_id
),

exposure as (
    select
        exposed.article_id,
        percentile_cont(0.5) within group (
            order by greatest(0, extract(epoch from exposed.ended_at - exposed.first_visible_at))::double precision
        ) as p50
    from (
        select
            comment.article_id,
            comment.first_visible_at,
            coalesce(
                (
                    select min(rejection.decided_at)
                    from discussion.moderation_decisions as rejection
                    where rejection.article_id = comment.article_id
                        and rejection.comment_id = comment.comment_id
                        and rejection.decision = 'rejected'
                        and rejection.decided_at > comment.first_visible_at
                ),
                comment.deleted_at
            ) as ended_at
        from comment
        where comment.published
            and (comment.article_id, comment.comment_id) in (
                select report_round.article_id, report_round.comment_id
                from report_round
                where report_round.outcome = 'upheld'
            )
    ) as exposed
    where exposed.ended_at is not null
    group by exposed.article_id
)

insert into metrics.article_abuse as kept (
    article_id, reports, unique_reporters, anonymous_reports, reported_comments, reported_comment_rate, reports_per_1000,
    upheld, dismissed, ignored, duplicates, void, open_reports, oldest_open_at, uphold_rate, time_to_decision_p50_seconds,
    time_to_decision_p90_seconds, rejected, rejection_rate, exposure_p50_seconds, computed_at, metric_version, watermark
)
select
    known.article_id,
    coalesce(reported.reports, 0),
    coalesce(reported.reporters, 0),
    coalesce(reported.anonymous_reports, 0),
    coalesce(reported.reported_comments, 0),
    coalesce(reported.reported_comments, 0)::double precision / nullif(counted.published, 0),
    coalesce(reported.reports_on_published, 0) * 1000::double precision / nullif(counted.published, 0),
    coalesce(reported.upheld, 0),
    coalesce(reported.dismissed, 0),
    coalesce(reported.ignored, 0),
    coalesce(reported.duplicates, 0),
    coalesce(reported.void, 0),
    coalesce(reported.open_reports, 0),
    reported.oldest_open_at,
    reported.upheld::double precision / nullif(reported.upheld + reported.dismissed, 0),
    reported.time_to_decision[1],
    reported.time_to_decision[2],
    coalesce(counted.rejected, 0),
    counted.rejected::double precision / nullif(counted.rejected + counted.visible, 0),
    exposure.p50,
    clock_timestamp(),
    %(metric_version)s,
    (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
from discussion.known_articles as known
left join counted on counted.article_id = known.article_id
left join reported on reported.article_id = known.article_id
left join exposure on exposure.article_id = known.article_id
where known.article_id = any(%(articles)s)
on conflict (article_id) do update
    set
        reports = excluded.reports,
        unique_reporters = excluded.unique_reporters,
        anonymous_reports = excluded.anonymous_reports,
        reported_comments = excluded.reported_comments,
        reported_comment_rate = excluded.reported_comment_rate,
        reports_per_1000 = excluded.reports_per_1000,
        upheld = excluded.upheld,
        dismissed = excluded.dismissed,
        ignored = excluded.ignored,
        duplicates = excluded.duplicates,
        void = excluded.void,
        open_reports = excluded.open_reports,
        oldest_open_at = excluded.oldest_open_at,
        uphold_rate = excluded.uphold_rate,
        time_to_decision_p50_seconds = excluded.time_to_decision_p50_seconds,
        time_to_decision_p90_seconds = excluded.time_to_decision_p90_seconds,
        rejected = excluded.rejected,
        rejection_rate = excluded.rejection_rate,
        exposure_p50_seconds = excluded.exposure_p50_seconds,
        computed_at = excluded.computed_at,
        metric_version = excluded.metric_version,
        watermark = excluded.watermark
