-- Where each consumer group resumes, and the ledger of what it read.
create table ingest.partition_offsets (
    consumer_group text collate "C" not null,
    topic text collate "C" not null,
    partition integer not null,
    topic_id uuid not null,
    incarnation integer not null default 1,
    next_offset bigint not null,
    epoch bigint not null,
    owner uuid,
    backend_pid integer,
    backend_start timestamptz,
    superseded_pid integer,
    superseded_start timestamptz,
    moved_at timestamptz not null default clock_timestamp(),
    status text not null default 'consuming',
    status_detail text,
    accepted_offset bigint,
    check (next_offset >= 0),
    check (status in ('consuming', 'stopped', 'tripped')),
    primary key (consumer_group, topic, partition)
);

comment on table ingest.partition_offsets is
'Where each consumer group resumes, and who may move it: one row per group, topic and partition. '
'Postgres, not Kafka, is the truth.';
comment on column ingest.partition_offsets.topic_id is
'Kafka''s id of the topic: a topic that is deleted and created again has another one';
comment on column ingest.partition_offsets.incarnation is
'Number of topics of this name seen so far, this one included';
comment on column ingest.partition_offsets.next_offset is 'The offset of the next record to read';
comment on column ingest.partition_offsets.epoch is 'Rises each time an owner takes the partition';
comment on column ingest.partition_offsets.owner is 'The consumer process that holds the partition';
comment on column ingest.partition_offsets.backend_pid is 'Process id of its Postgres backend';
comment on column ingest.partition_offsets.backend_start is
'Start time of that backend, because process ids are used again';
comment on column ingest.partition_offsets.superseded_pid is
'Process id of the previous owner''s backend, which may be ended if it stalls holding locks';
comment on column ingest.partition_offsets.superseded_start is 'Start time of that backend';
comment on column ingest.partition_offsets.moved_at is 'When next_offset or owner changed';
comment on column ingest.partition_offsets.status is
'consuming; stopped: reading on would lose or repeat records; tripped: the breaker stopped it, '
'because too many records are bad';
comment on column ingest.partition_offsets.status_detail is 'Why it does not move, and what to do';
comment on column ingest.partition_offsets.accepted_offset is
'The breaker ignores records before this offset, which a person accepted; null: counts all';

create table ingest.batches (
    batch_id bigint generated always as identity,
    consumer_group text collate "C" not null,
    topic text collate "C" not null,
    partition integer not null,
    incarnation integer not null,
    kind text not null,
    first_offset bigint not null,
    next_offset bigint not null,
    records bigint not null,
    applied bigint not null,
    unchanged bigint not null,
    dead_lettered bigint not null,
    committed_at timestamptz not null default clock_timestamp(),
    check (kind in ('batch', 'empty', 'redrive', 'gap', 'reset')),
    check (records = applied + unchanged + dead_lettered),
    check (next_offset >= first_offset),
    primary key (batch_id)
);

comment on table ingest.batches is
'The ledger: what happened to every record, one row per partition and batch, never changed. Within '
'a partition and incarnation first_offset equals the previous next_offset, without redrives. Each '
'incarnation after the first begins with a reset.';
comment on column ingest.batches.batch_id is 'Order of writing';
comment on column ingest.batches.incarnation is 'Incarnation of the topic, see partition_offsets';
comment on column ingest.batches.kind is
'batch; empty: the position moved without records; gap: records expired unread and were accepted '
'as lost; reset: begins an incarnation, first_offset and next_offset are its first offset; '
'redrive: dead letters validated again, outside the sequence';
comment on column ingest.batches.first_offset is 'First offset covered';
comment on column ingest.batches.next_offset is 'First offset after it';
comment on column ingest.batches.records is 'Records read';
comment on column ingest.batches.applied is 'Records that inserted or changed a row';
comment on column ingest.batches.unchanged is 'Duplicates and stale records';
comment on column ingest.batches.dead_lettered is 'Records that became dead letters';
comment on column ingest.batches.committed_at is 'When the batch was written';

create unique index batches_contiguous on ingest.batches (
    consumer_group, topic, partition, incarnation, first_offset
) include (next_offset) where kind in ('batch', 'empty', 'gap');

grant select, insert on ingest.batches to btl_ingest;
grant select, insert, update on ingest.partition_offsets to btl_ingest;
grant select on ingest.partition_offsets, ingest.batches to btl_scheduler;
