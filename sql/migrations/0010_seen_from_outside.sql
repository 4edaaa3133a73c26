-- Consumers count conflicting events now and then, for their metrics.
set local role btl_owner;

grant execute on function ingest.event_of to btl_ingest;
grant select on ingest.event_id_conflicts to btl_ingest;
