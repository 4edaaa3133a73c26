-- Takes marks of articles whose metrics must be computed again.
-- Parameters: bucket (look at this many of the oldest marks; all marks of their articles are taken), failed (articles to pass over).
-- Grain: one row per mark taken. Safe to re-run: part of the transaction that does the work; if that rolls back, the marks are back.
delete from ingest.dirty_articles as mark
where mark.article_id in (
    select oldest.article_id
    from ingest.dirty_articles as oldest
    where oldest.article_id != all(%(failed)s)
    order by oldest.mark_id
    limit %(bucket)s
)
returning mark.article_id
