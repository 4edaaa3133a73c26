-- Articles as their events left them. A row of articles, comments, reports and reactions is made of
-- independent registers; each merges by its own version. There are no foreign keys, because events
-- arrive in any order: a row made by a later event is a stub until its own event comes.
create table discussion.articles (
    article_id text collate "C" not null,
    url text,
    headline text,
    site text collate "C",
    section text collate "C",
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
    status_version bytea,
    check (status in ('published', 'unpublished')),
    check ((content_version is null) = (headline is null)),
    check ((status_version is null) = (status is null)),
    primary key (article_id)
);

comment on table discussion.articles is
'One row per article that an article event named. Registers: content (greatest version of '
'published and updated) and status (greatest version of published and unpublished).';
comment on column discussion.articles.content_version is
'Version of the content register; null: no published or updated event';
comment on column discussion.articles.status is 'published or unpublished; null: neither event yet';
comment on column discussion.articles.status_changed_at is
'When the status took effect: time of the published event, or unpublished_at';
comment on column discussion.articles.status_version is 'Version of the status register';

create table discussion.article_versions (
    article_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    event_type text not null,
    url text,
    headline text,
    site text collate "C",
    section text collate "C",
    topics text[],
    bylines text[],
    language text,
    updated_at timestamptz,
    discussion_enabled boolean,
    discussion_closes_at timestamptz,
    discussion_window_hours integer,
    published_at timestamptz,
    unpublished_at timestamptz,
    unpublished_reason text,
    check (event_type in ('published', 'updated', 'unpublished')),
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.article_versions is
'Every published, updated and unpublished event: append-only.';
comment on column discussion.article_versions.event_type is 'published, updated or unpublished';
comment on column discussion.article_versions.published_at is
'When the article was or will be published; the least of all versions is its anchor';
comment on column discussion.article_versions.unpublished_at is
'When the article was taken down; null: not an unpublished event';
comment on column discussion.article_versions.unpublished_reason is
'Why the article was taken down; null: not an unpublished event';

grant select, insert on discussion.article_versions to btl_ingest;
grant select, insert, update on discussion.articles to btl_ingest;
grant select on discussion.articles, discussion.article_versions to btl_scheduler;
