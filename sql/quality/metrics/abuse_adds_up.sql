-- Severity: fail
-- Says: figures of the reports on an article contradict each other, or those by reason
-- Do: btl metrics drift --articles ID names the wrong ones, btl metrics rebuild --articles ID
--   computes them again
-- Grain: one row per article. Re-run: reads only.
select
    abuse.article_id,
    abuse.reports,
    abuse.upheld,
    abuse.dismissed,
    abuse.ignored,
    abuse.duplicates,
    abuse.void,
    abuse.open_reports,
    coalesce(by_reason.reports, 0) as reports_by_reason
from metrics.article_abuse as abuse
left join (
    select
        reason.article_id,
        sum(reason.reports) as reports,
        sum(reason.upheld) as upheld,
        sum(reason.open_reports) as open_reports
    from metrics.article_abuse_reasons as reason
    group by reason.article_id
) as by_reason on by_reason.article_id = abuse.article_id
where abuse.reports
    <> abuse.upheld + abuse.dismissed + abuse.ignored + abuse.duplicates + abuse.void
    + abuse.open_reports
    or abuse.reports <> coalesce(by_reason.reports, 0)
    or abuse.upheld <> coalesce(by_reason.upheld, 0)
    or abuse.open_reports <> coalesce(by_reason.open_reports, 0)
    or abuse.unique_reporters > abuse.reports
    or abuse.anonymous_reports > abuse.reports
    or (abuse.oldest_open_at is null) <> (abuse.open_reports = 0)
