-- What wiping the tables of metrics needs, and what its counts say while it is done.
grant insert on ingest.dirty_days to btl_erase;
grant update on ingest.metrics_lock to btl_erase;

comment on column ingest.erasures.found is
'How much was found and wiped, by place: numbers only. Until completed_at is set: so far';
