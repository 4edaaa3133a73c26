-- Makes the tables of facts about an export, for SQLite (btl/archives/facts.py says what columns
-- mean). Times are microseconds since 1970; other_forms has the ids that are not in the normal form
-- NFC, and what they are in it (article_id: of a comment, else empty); repetitions has the rows of
-- comments that come more than once, without the one that counts: the earliest posting.
-- Parameters: none.
-- Safe to re-run: it is run once, on a new temporary file.
create table articles (
    article_id text,
    url text,
    headline text,
    site text,
    section text,
    published_at integer,
    occurred_at integer,
    closes_at integer,
    window_hours integer,
    accepts_comments integer,
    file text,
    within text,
    address text
);

create table versions (
    article_id text,
    version blob,
    kind text,
    effective_at integer,
    occurred_at integer,
    published_at integer,
    enabled integer,
    closes_at integer,
    window_hours integer,
    site text,
    section text,
    primary key (article_id, version)
) without rowid;

create table comments (
    article_id text,
    comment_id text,
    parent_comment_id text,
    posted_at integer,
    user_id text,
    named_by text,
    body_digest integer,
    file text,
    within text
);

create table repetitions (
    comment_row integer primary key
);

create table other_forms (
    what text,
    article_id text,
    text text,
    normal_text text,
    file text,
    within text,
    primary key (what, article_id, text)
) without rowid;
