-- Reporters, and the backlog of moderation.
create table metrics.article_reporters (
    article_id text collate "C" not null,
    user_id text collate "C" not null,
    reports integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (reports = upheld + dismissed + ignored + duplicates + void + open_reports),
    primary key (article_id, user_id)
);

create index article_reporters_by_user on metrics.article_reporters (user_id);

create table metrics.reporter_accuracy (
    user_id text collate "C" not null,
    articles integer not null,
    reports integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    accuracy double precision,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (user_id)
);

create table metrics.open_reports (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    open_reports integer not null,
    unique_reporters integer not null,
    signed_in_reporters text[] not null,
    reasons text[] not null,
    oldest_open_at timestamptz not null,
    visible_since timestamptz,
    weight double precision not null,
    severity integer not null,
    urgency_key double precision not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, comment_id)
);

create index open_reports_by_urgency on metrics.open_reports (
    (visible_since is not null) desc, urgency_key desc, article_id, comment_id
);
create index open_reports_by_reporter on metrics.open_reports using gin (signed_in_reporters);

grant select, insert, update, delete on
    metrics.article_reporters,
    metrics.reporter_accuracy,
    metrics.open_reports
to btl_scheduler;
grant select on metrics.reporter_accuracy to btl_reader, btl_moderator;
grant select on metrics.article_reporters, metrics.open_reports to btl_moderator;
