-- What metrics.article_abuse says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article. Reads only.
with counted as (
    select
        comment.article_no,
        count(*) filter (where comment.published) as published,
        count(*) filter (where comment.visible) as visible,
        count(*) filter (where comment.erased) as erased,
        count(*) filter (
            where comment.in_time and comment.decision = 'rejected' and comment.deleted_at is null
        ) as rejected
    from computing_comments as comment
    group by comment.article_no
),

reported as (
    select
        report_round.article_no,
        count(*) as reports,
        count(distinct report_round.reporter_kind || ' ' || report_round.reporter_id) as reporters,
        count(*) filter (where report_round.reporter_kind = 'anonymous') as anonymous_reports,
        count(distinct report_round.comment_id)
            filter (where report_round.on_published) as reported_comments,
        count(*) filter (where report_round.on_published) as reports_on_published,
        count(*) filter (where report_round.outcome = 'upheld') as upheld,
        count(*) filter (where report_round.outcome = 'dismissed') as dismissed,
        count(*) filter (where report_round.outcome = 'ignored') as ignored,
        count(*) filter (where report_round.outcome = 'duplicate') as duplicates,
        count(*) filter (where report_round.outcome = 'void') as void,
        count(*) filter (where report_round.outcome = 'open') as open_reports,
        min(report_round.began_at) filter (where report_round.outcome = 'open') as oldest_open_at,
        percentile_cont(array[0.5, 0.9]) within group (
            order by
                greatest(
                    0, extract(epoch from report_round.settled_at - report_round.began_at)
                )::double precision
        )
            filter (
                where report_round.outcome in ('upheld', 'dismissed', 'ignored')
            ) as time_to_decision
    from computing_rounds as report_round
    group by report_round.article_no
),

exposure as (
    select
        exposed.article_no,
        percentile_cont(0.5) within group (
            order by
                greatest(
                    0, extract(epoch from exposed.ended_at - exposed.first_visible_at)
                )::double precision
        ) as p50
    from (
        select
            comment.article_no,
            comment.first_visible_at,
            coalesce(
                (
                    select min(rejection.decided_at)
                    from discussion.moderation_decisions as rejection
                    where rejection.article_id = article.article_id
                        and rejection.comment_id = comment.comment_id
                        and rejection.decision = 'rejected'
                        and rejection.decided_at > comment.first_visible_at
                ),
                comment.deleted_at
            ) as ended_at
        from computing_comments as comment
        inner join computing_articles as article on article.article_no = comment.article_no
        where comment.published
            and (comment.article_no, comment.comment_id) in (
                select report_round.article_no, report_round.comment_id
                from computing_rounds as report_round
                where report_round.outcome = 'upheld'
            )
    ) as exposed
    where exposed.ended_at is not null
    group by exposed.article_no
)

select
    known.article_id,
    coalesce(reported.reports, 0) as reports,
    coalesce(reported.reporters, 0) as unique_reporters,
    coalesce(reported.anonymous_reports, 0) as anonymous_reports,
    coalesce(reported.reported_comments, 0) as reported_comments,
    coalesce(reported.reported_comments, 0)::double precision / nullif(counted.published, 0)
        as reported_comment_rate,
    coalesce(reported.reports_on_published, 0) * 1000::double precision
    / nullif(counted.published, 0)
        as reports_per_1000,
    coalesce(reported.upheld, 0) as upheld,
    coalesce(reported.dismissed, 0) as dismissed,
    coalesce(reported.ignored, 0) as ignored,
    coalesce(reported.duplicates, 0) as duplicates,
    coalesce(reported.void, 0) as void,
    coalesce(reported.open_reports, 0) as open_reports,
    reported.oldest_open_at,
    reported.upheld::double precision
    / nullif(reported.upheld + reported.dismissed, 0) as uphold_rate,
    reported.time_to_decision[1] as time_to_decision_p50_seconds,
    reported.time_to_decision[2] as time_to_decision_p90_seconds,
    coalesce(counted.rejected, 0) as rejected,
    counted.rejected::double precision
    / nullif(counted.rejected + counted.visible + counted.erased, 0) as rejection_rate,
    exposure.p50 as exposure_p50_seconds
from computing_articles as known
left join counted on counted.article_no = known.article_no
left join reported on reported.article_no = known.article_no
left join exposure on exposure.article_no = known.article_no
