-- Locks of articles, for batches that erase: who writes texts that are erased only if their comment
-- or report is, shares the lock of the article; who makes a comment or report erased has it alone.
create table ingest.erasure_locks (
    bucket integer not null,
    primary key (bucket)
);

comment on table ingest.erasure_locks is
'Locks of articles, by hash, for batches with events of the time of an erasure. Rows never change';
comment on column ingest.erasure_locks.bucket is 'Hash of the article''s id';

insert into ingest.erasure_locks (bucket)
select bucket from generate_series(0, 255) as bucket;

-- A row is locked only by who may change it.
grant select, update on ingest.erasure_locks to btl_ingest, btl_redrive;

-- A dead letter may be an event that asks to forget a person.
grant insert on ingest.erasures to btl_redrive;
grant update (
    erased_at, version, subject, origin, requested_at, requested_by, completed_at, found
) on ingest.erasures to btl_redrive;
