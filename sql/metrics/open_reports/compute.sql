-- What metrics.open_reports says of the articles of a bucket, except for weight and urgency_key,
-- which weights.sql says; see definitions.yaml beside it. Parameters: none; the bucket is staged.
-- Grain: one row per comment with an open round. Reads only.
select
    report_round.article_id,
    report_round.comment_id,
    count(*) as open_reports,
    count(
        distinct report_round.reporter_kind || ' ' || report_round.reporter_id
    ) as unique_reporters,
    coalesce(
        array_agg(distinct report_round.reporter_id)
            filter (where report_round.reporter_kind = 'user'),
        '{}'
    ) as signed_in_reporters,
    array_agg(distinct report_round.reason) as reasons,
    min(report_round.began_at) as oldest_open_at,
    max(report_round.visible_since) as visible_since,
    0 as weight,
    max(discussion.severity(report_round.reason)) as severity,
    0 as urgency_key
from computing_rounds as report_round
where report_round.outcome = 'open'
group by report_round.article_id, report_round.comment_id
