-- Purpose: take all marks of one article. Parameters: article. Grain: one row per mark taken.
-- Re-run: part of the transaction that does the work; if that rolls back, the marks are back.
delete from ingest.dirty_articles as mark
where mark.article_id = %(article)s
returning mark.article_id
