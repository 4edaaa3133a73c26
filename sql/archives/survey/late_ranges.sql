-- Makes the table of the times in which comments of an article are late, for SQLite. ends_at is not
-- part of a time.
-- Parameters: none.
-- Safe to re-run: after clear_late_ranges, nothing changes.
create table if not exists late_ranges (
    article_id text,
    site text,
    starts_at integer,
    ends_at integer,
    cause text,
    primary key (article_id, starts_at)
) without rowid
