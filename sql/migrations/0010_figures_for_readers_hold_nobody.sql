-- What btl_reader sees holds no person: neither who reported nor a digest of who commented.
-- metrics.reporter_distribution has the accuracy of reporters without their ids.
revoke select on metrics.reporter_accuracy from btl_reader;

alter table metrics.article_daily drop column commenters_digest;

create table metrics.article_commenters (
    article_id text collate "C" not null,
    days date[] not null,
    digests bigint[] not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id)
);

grant select, insert, update, delete on metrics.article_commenters to btl_scheduler;

-- Fills the new table.
insert into ingest.dirty_articles (article_id)
select engagement.article_id
from metrics.article_engagement as engagement;
