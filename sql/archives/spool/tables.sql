-- Makes the tables of what waits until a whole export is read (btl/archives/spool.py), for SQLite:
-- events that lack only their time (kind Draft), articles and acts whose stand-ins need comments,
-- times of acts that were read apart from their comment, and what was rejected.
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

create table rejected (
    file text,
    within text,
    reason text,
    content text
);
