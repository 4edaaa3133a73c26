-- Figures per hour and day of articles, and per day of sections and sites.
create table metrics.article_hourly (
    article_id text collate "C" not null,
    hour timestamptz not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, hour)
);

create index article_hourly_by_hour on metrics.article_hourly (hour);

create table metrics.article_daily (
    article_id text collate "C" not null,
    day date not null,
    site text,
    section text,
    time_zone text not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    commenters_digest bigint not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, day)
);

create index article_daily_by_section on metrics.article_daily (site, day, section);

create table metrics.section_daily (
    site text not null,
    section text,
    day date not null,
    time_zone text not null,
    articles integer not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    unique nulls not distinct (site, section, day)
);

create index section_daily_by_day on metrics.section_daily (day);

create table metrics.site_daily (
    site text not null,
    day date not null,
    time_zone text not null,
    articles integer not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (site, day)
);

grant select, insert, update, delete on
    metrics.article_hourly,
    metrics.article_daily,
    metrics.section_daily,
    metrics.site_daily
to btl_scheduler;
grant select on
    metrics.article_hourly,
    metrics.article_daily,
    metrics.section_daily,
    metrics.site_daily
to btl_reader, btl_moderator;
