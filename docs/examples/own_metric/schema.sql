-- Once, as the owner of the database: btl psql < schema.sql
create schema newsroom;
comment on schema newsroom is 'Metrics of our own newsroom, computed by our own DAGs';
grant usage on schema newsroom to btl_scheduler, btl_reader, btl_moderator;

-- For every table and view that comes later.
alter default privileges in schema newsroom
grant select, insert, update, delete on tables to btl_scheduler;
alter default privileges in schema newsroom
grant select on tables to btl_reader, btl_moderator;

create table newsroom.night_comments (
    article_id text collate "C" not null,
    comments integer not null,
    night_comments integer not null,
    computed_at timestamptz not null,
    primary key (article_id)
);
comment on table newsroom.night_comments is
'Comments of an article in all, and between 22:00 and 06:00 UTC';

create view newsroom.night_share as
select
    night.article_id,
    night.night_comments::double precision / nullif(night.comments, 0) as night_share
from newsroom.night_comments as night;
