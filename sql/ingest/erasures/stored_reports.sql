-- Purpose: who reported, when, and up to when the reports are erased.
-- Parameters: article_ids, comment_ids, report_ids (arrays of equal length).
-- Grain: one row per report that the table has. Re-run: safe; it only reads.
select
    report.article_id,
    report.comment_id,
    report.report_id,
    report.reporter_user_id,
    report.reporter_anonymous_id,
    report.reported_version,
    report.erased_at
from unnest(
    %(article_ids)s::text[], %(comment_ids)s::text[], %(report_ids)s::text[]
) as asked (article_id, comment_id, report_id)
inner join discussion.reports as report
    on
        asked.article_id = report.article_id
        and asked.comment_id = report.comment_id
        and asked.report_id = report.report_id;
