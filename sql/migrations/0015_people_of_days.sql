-- Who commented under an article on a day, in place of a digest of them; and how many of them
-- commented in sections and on sites, part by part, so that one more comment counts few people.
drop table metrics.article_commenters;

create table metrics.article_commenters (
    article_id text collate "C" not null,
    day date not null,
    site text,
    section text,
    people text[] collate "C" not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, day)
);

create index article_commenters_by_site on metrics.article_commenters (site, day);

create table metrics.daily_commenters (
    site text not null,
    section text,
    day date not null,
    whole_site boolean not null,
    people integer[] not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    unique nulls not distinct (site, day, section, whole_site)
);

create index daily_commenters_by_day on metrics.daily_commenters (day);

grant select, insert, update, delete on
    metrics.article_commenters,
    metrics.daily_commenters
to btl_scheduler;

alter table ingest.dirty_days
add column parts bit(64) not null default ~0::bit(64);

comment on column ingest.dirty_days.parts is
'Which parts of the people are counted again, by metrics.people_part: a bit for each, from left to '
'right. Normally all; none: other figures changed';

-- Fills the tables.
insert into ingest.dirty_articles (article_id)
select engagement.article_id
from metrics.article_engagement as engagement;
