-- Purpose: the reports of a person, those whose reporter has the pseudonym already among them.
-- Found by the indexes reports_by_user and reports_by_anonymous: they name parts of the table,
-- which are read.
-- Parameters: kind (user or reporter); people (the id, if it is known, and the pseudonym).
-- Grain: one row per report, in key order. Re-run: safe; reads only.
select report.article_id, report.comment_id, report.report_id
from discussion.reports as report
where (%(kind)s = 'user' and report.reporter_user_id = any(%(people)s))
    or (%(kind)s = 'reporter' and report.reporter_anonymous_id = any(%(people)s))
order by report.article_id, report.comment_id, report.report_id
