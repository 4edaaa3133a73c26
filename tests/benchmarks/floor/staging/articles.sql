-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
create temporary table if not exists staged_articles (
    row_number integer not null,
    article_id text collate "C",
    url text,
    headline text,
    site text,
    section text,
    topics text[],
    bylines text[],
    language text,
    updated_at timestamptz,
    discussion_enabled boolean,
    discussion_closes_at timestamptz,
    discussion_window_hours integer,
    content_version bytea,
    status text,
    status_changed_at timestamptz,
    status_version bytea
) on commit delete rows;
