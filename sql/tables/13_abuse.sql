-- Reports per article, and per article and reason.
create table metrics.article_abuse (
    article_id text collate "C" not null,
    reports integer not null,
    unique_reporters integer not null,
    anonymous_reports integer not null,
    reported_comments integer not null,
    reported_comment_rate double precision,
    reports_per_1000 double precision,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    oldest_open_at timestamptz,
    uphold_rate double precision,
    time_to_decision_p50_seconds double precision,
    time_to_decision_p90_seconds double precision,
    rejected integer not null,
    rejection_rate double precision,
    exposure_p50_seconds double precision,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id)
);

create index article_abuse_by_reports on metrics.article_abuse (reports desc, article_id);
create index article_abuse_by_open_reports on metrics.article_abuse (open_reports desc, article_id);

create table metrics.article_abuse_reasons (
    article_id text collate "C" not null,
    reason text not null,
    reports integer not null,
    unique_reporters integer not null,
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
    primary key (article_id, reason)
);

grant select, insert, update, delete on
    metrics.article_abuse,
    metrics.article_abuse_reasons
to btl_scheduler;
grant select on metrics.article_abuse, metrics.article_abuse_reasons to btl_reader, btl_moderator;
