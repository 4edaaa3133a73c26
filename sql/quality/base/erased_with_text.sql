-- Severity: fail
-- Says: a comment or a report is erased, but a text, a name or a note of before is there: a row was
--   changed by hand, or events were merged by a version that knows no erasures
-- Do: stop what merges without the erasures; btl erase with the same person or comment again wipes
--   it
-- Grain: one row per text. Re-run: reads only.
select
    found.place,
    found.article_id,
    found.comment_id,
    found.report_id,
    found.erased_at
from discussion.erased_with_text as found
