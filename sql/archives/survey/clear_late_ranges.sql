-- Empties the table of the times in which comments are late, before another forecast fills it, for
-- SQLite.
-- Parameters: none.
-- Safe to re-run.
delete from late_ranges
