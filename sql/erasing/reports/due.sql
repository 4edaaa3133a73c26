-- Purpose: lock, of some reports, those of a person that are still to be wiped, in key order.
-- Parameters: article_ids, comment_ids, report_ids (arrays of equal length); kind (user or
--   reporter); person (the id; null: not known), pseudonym; erased_at; until (versions of events up
--   to erased_at are less); limit.
-- Result: key; the version, null where only the time of the erasure is to rise.
-- Grain: one row per report. Re-run: safe; what is wiped is not found again.
select
    report.article_id,
    report.comment_id,
    report.report_id,
    case when reporter.id = %(person)s::text then report.reported_version end as reported_version
from discussion.reports as report
cross join lateral (
    select case %(kind)s
        when 'user' then report.reporter_user_id else report.reporter_anonymous_id
    end as id
) as reporter
where
    (report.article_id, report.comment_id, report.report_id) in (
        select * from unnest(
            %(article_ids)s::text[], %(comment_ids)s::text[], %(report_ids)s::text[]
        )
    )
    and reporter.id in (%(person)s::text, %(pseudonym)s::text)
    and report.reported_version < %(until)s
    and (
        reporter.id = %(person)s::text
        or coalesce(report.erased_at, '-infinity') < %(erased_at)s
    )
order by report.article_id, report.comment_id, report.report_id
limit %(limit)s
for update of report
