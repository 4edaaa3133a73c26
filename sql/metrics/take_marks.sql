-- Purpose: take marks of articles whose metrics must be computed again.
-- Parameters: limit (number of the oldest marks to look at; all marks of their articles are taken),
--   without (articles to leave out). Grain: one row per mark taken. Re-run: part of the transaction
--   that does the work; if that rolls back, the marks are back.
delete from ingest.dirty_articles as mark
where mark.article_id in (
    select oldest.article_id
    from ingest.dirty_articles as oldest
    where oldest.article_id != all(%(without)s)
    order by oldest.mark_id
    limit %(limit)s
)
returning mark.article_id
