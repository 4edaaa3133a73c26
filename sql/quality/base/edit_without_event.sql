-- Severity: fail
-- Says: the text of a comment is not that of its last edit: the row was changed by hand, or the
--   history was
-- Do: btl explain comment ID --article ID says which event is right; redrive or reset to read it
--   again
-- Grain: one row per comment. Re-run: reads only.
select
    found.article_id,
    found.comment_id,
    found.edited_at,
    found.edited_at_of_event
from discussion.edits_without_event as found
