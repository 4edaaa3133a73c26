-- Articles with a window whose comments or reactions changed since the last closing run.
-- Parameters: bucket (how many of the oldest marks to read). Grain: one row per mark.
-- Reads only: take_changes.sql takes all marks of these articles.
select mark.article_id
from ingest.dirty_discussions as mark
where exists (
    select from discussion.windows as closing_window
    where closing_window.article_id = mark.article_id
)
order by mark.mark_id
limit %(bucket)s
