-- Purpose: marks that wait for a run of the metrics or of the closing windows.
-- Result: one row: how many of either, and since when the oldest waits (null: none).
-- Re-run: safe; it only reads.
select
    (select count(*) from ingest.dirty_articles) as articles,
    (select min(marked_at) from ingest.dirty_articles) as articles_since,
    (select count(*) from ingest.dirty_windows) as windows,
    (select min(marked_at) from ingest.dirty_windows) as windows_since
