-- Marks of what must be computed again.
create table ingest.dirty_articles (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (mark_id)
);

comment on table ingest.dirty_articles is
'Articles whose metrics must be computed again: an insert-only log. A run deletes the marks that '
'it takes.';

create index dirty_articles_by_article on ingest.dirty_articles (article_id);

create table ingest.dirty_windows (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (mark_id)
);

comment on table ingest.dirty_windows is
'Articles whose closing window must be computed again: an insert-only log. A run deletes the marks '
'that it takes.';

create index dirty_windows_by_article on ingest.dirty_windows (article_id);

create table ingest.dirty_discussions (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    what text not null,
    marked_at timestamptz not null default clock_timestamp(),
    check (what in ('comments', 'reactions')),
    primary key (mark_id)
);

comment on table ingest.dirty_discussions is
'Articles whose comments or reactions changed: an insert-only log. A closing run takes the marks, '
'looks for late comments, and delays what becomes final. Marks of articles that no article event '
'has named yet stay.';
comment on column ingest.dirty_discussions.what is 'comments or reactions';
comment on column ingest.dirty_discussions.marked_at is 'When the change was ingested';

create index dirty_discussions_by_article on ingest.dirty_discussions (article_id);

create table ingest.dirty_days (
    mark_id bigint generated always as identity,
    site text not null,
    section text,
    day date not null,
    primary key (mark_id)
);

comment on table ingest.dirty_days is
'Days of sections to compute again in section_daily and site_daily, because the figures of an '
'article changed. Runs of article_metrics set the marks and take them.';
comment on column ingest.dirty_days.site is 'The site';
comment on column ingest.dirty_days.section is 'The section; null: articles without one';
comment on column ingest.dirty_days.day is 'The day, in the site''s time zone';

create index dirty_days_by_day on ingest.dirty_days (day, site, section);

create table ingest.dirty_reporters (
    mark_id bigint generated always as identity,
    user_id text not null,
    primary key (mark_id)
);

comment on table ingest.dirty_reporters is
'Reporters to compute again in reporter_accuracy, because the figures under an article changed. '
'Runs of article_metrics set the marks and take them.';
comment on column ingest.dirty_reporters.user_id is 'The reporter';

create index dirty_reporters_by_user on ingest.dirty_reporters (user_id);

grant select, insert on
    ingest.dirty_articles,
    ingest.dirty_windows,
    ingest.dirty_discussions
to btl_ingest;
grant select, insert, delete on
    ingest.dirty_articles,
    ingest.dirty_windows,
    ingest.dirty_discussions,
    ingest.dirty_days,
    ingest.dirty_reporters
to btl_scheduler;
