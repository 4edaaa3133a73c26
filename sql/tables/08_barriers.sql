-- The barriers behind which windows are applied.
create table ingest.barriers (
    barrier_id bigint generated always as identity,
    attempt_id text not null,
    run_id text not null,
    consumer_group text collate "C" not null,
    taken_at timestamptz not null,
    cut_off timestamptz not null,
    passed_at timestamptz,
    applied_at timestamptz,
    grace_seconds integer not null default 3600,
    unique (attempt_id),
    primary key (barrier_id)
);

comment on table ingest.barriers is
'One row per attempt to close discussions. Once it has passed, everything produced before taken_at '
'is in the tables.';
comment on column ingest.barriers.attempt_id is
'The attempt (task instance) that took it and finds it again by this';
comment on column ingest.barriers.run_id is 'The run that it belongs to, for people';
comment on column ingest.barriers.consumer_group is 'The consumer group that is compared';
comment on column ingest.barriers.taken_at is
'T: time of the database, read before the end offsets were asked for';
comment on column ingest.barriers.cut_off is
'Windows are applied up to here: taken_at minus BTL_CLOSE_DELAY';
comment on column ingest.barriers.passed_at is 'When all partitions had passed; null: not yet';
comment on column ingest.barriers.applied_at is 'When windows were applied; null: not yet';
comment on column ingest.barriers.grace_seconds is
'BTL_GRACE when it was taken: seconds from the last change until figures become final';

create index barriers_passed on ingest.barriers (taken_at) where passed_at is not null;
create index barriers_cut_off on ingest.barriers (cut_off) where passed_at is not null;

create table ingest.barrier_offsets (
    barrier_id bigint not null,
    topic text collate "C" not null,
    partition integer not null,
    topic_id uuid not null,
    log_start_offset bigint not null,
    end_offset bigint not null,
    primary key (barrier_id, topic, partition)
);

comment on table ingest.barrier_offsets is
'How far each partition reached when a barrier was taken.';
comment on column ingest.barrier_offsets.topic_id is
'Kafka''s id of the topic: positions of an earlier topic of that name do not count';
comment on column ingest.barrier_offsets.log_start_offset is
'First offset still kept; equal to end_offset: the partition is empty';
comment on column ingest.barrier_offsets.end_offset is
'Last stable offset (read_committed): next_offset must reach it';

grant select, insert, update, delete on ingest.barriers, ingest.barrier_offsets to btl_scheduler;
