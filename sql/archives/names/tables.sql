-- Makes the tables in which articles of an export are named, for SQLite: the pages that the site's
-- publishing system names; the articles of the export, each in its first row; and the comments of
-- articles that become one, each with the article that had it first.
-- Parameters: none.
-- Safe to re-run: it is run once, on a new temporary file.
create table site_articles (
    address text primary key,
    article_id text
) without rowid;

create table export_articles (
    article_id text primary key,
    address text,
    url_length integer,
    number integer,
    file text,
    within text
) without rowid;

create table shared_comments (
    event_id text,
    comment_id text,
    article_id text,
    primary key (event_id, comment_id)
) without rowid;
