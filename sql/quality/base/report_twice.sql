-- Severity: fail
-- Says: one reader reported the same comment for the same reason at the same time twice
-- Do: see whether a producer gives one report two ids; discard the second by a report.withdrawn
--   event
-- Grain: one row per report of which there is an earlier one like it. Re-run: reads only.
select
    report.article_id,
    report.comment_id,
    report.report_id,
    report.reported_at
from (
    select
        listed.article_id,
        listed.comment_id,
        listed.report_id,
        listed.reported_at,
        listed.withdrawn_at,
        row_number() over (
            partition by
                listed.article_id,
                listed.comment_id,
                listed.reporter_user_id,
                listed.reporter_anonymous_id,
                listed.reason,
                listed.reported_at
            order by listed.report_id
        ) as place
    from discussion.reports as listed
    where listed.reported_at is not null and listed.withdrawn_at is null
) as report
where report.place > 1
