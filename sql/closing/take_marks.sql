-- Takes marks of articles whose window must be computed again.
-- Parameters: bucket (how many of the oldest marks to read; all marks of their articles are taken).
-- Grain: one row per mark taken.
-- Safe to re-run: it runs in the transaction that does the work; a rollback restores the marks.
delete from ingest.dirty_windows as mark
where mark.article_id in (
    select oldest.article_id
    from ingest.dirty_windows as oldest
    order by oldest.mark_id
    limit %(bucket)s
)
returning mark.article_id
