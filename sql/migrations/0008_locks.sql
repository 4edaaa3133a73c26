-- The locks that keep units of work apart. Advisory locks can be taken by every role; a row can be
-- locked only by a role that may change it.
create table ingest.locks (
    name text collate "C" not null,
    primary key (name)
);

comment on table ingest.locks is
'One row for each kind of work that one transaction does at a time: it locks the row';
comment on column ingest.locks.name is
'closing: windows; outbox: publishing; event id conflicts: their count; articles and days: a shard '
'of a rebuild';

insert into ingest.locks (name)
values ('closing'), ('outbox'), ('event id conflicts');

insert into ingest.locks (name)
select format('%s %s', kind.name, shard.number)
from unnest(array['articles', 'days']) as kind (name)
cross join generate_series(0, 15) as shard (number);

create table ingest.metrics_lock ();

comment on table ingest.metrics_lock is
'Always empty. A metrics run locks it for itself, rebuilds share it: see docs/adr/0013';

grant select, update on ingest.locks to btl_scheduler, btl_ingest;
grant update on ingest.metrics_lock to btl_scheduler;
