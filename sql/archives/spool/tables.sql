-- Makes the tables of what waits until a whole export is read (btl/archives/spool.py), for SQLite:
-- articles and acts whose stand-ins need what is known of comments; the last times that are known
-- of comments; the reactions and reports that comments were given as mere numbers; and what was
-- rejected.
-- Parameters: none.
-- Safe to re-run: it is run once, on a new temporary file.
create table waiting (
    kind text,
    article_id text,
    comment_id text,
    content blob
);

create table known (
    article_id text,
    comment_id text,
    known_at integer,
    primary key (article_id, comment_id, known_at)
) without rowid;

create table given (
    article_id text,
    comment_id text,
    kind text,
    number integer
);

create table rejected (
    file text,
    within text,
    reason text,
    content text
);
