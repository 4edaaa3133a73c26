-- The breaker: partitions that it stopped, and how far somebody accepted bad records.
set local role btl_owner;

alter table ingest.partition_offsets
drop constraint partition_offsets_status_check,
add column accepted_offset bigint,
add constraint partition_offsets_status_check check (status in ('consuming', 'stopped', 'tripped'));

comment on column ingest.partition_offsets.status is
'consuming; stopped: reading on would lose or repeat records; tripped: the breaker stopped it, too many records are bad';
comment on column ingest.partition_offsets.status_detail is
'Why it does not move, and what to do';
comment on column ingest.partition_offsets.accepted_offset is
'The breaker does not count records before this offset: somebody looked at them. Null: counts all';
