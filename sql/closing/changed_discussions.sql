-- Articles with a window under which comments or reactions changed since a closing run last looked.
-- Parameters: bucket (look at this many of the oldest marks). Grain: one row per mark looked at. Reads only: take_changes.sql
-- takes all marks of these articles.
select mark.article_id
from ingest.dirty_discussions as mark
where exists (
    select from discussion.windows as closing_window
    where closing_window.article_id = mark.article_id
)
order by mark.mark_id
limit %(bucket)s
