-- How events came in: positions, ledger, dead letters, marks and the outbox.
set local role btl_owner;

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
    check (next_offset >= 0),
    check (status in ('consuming', 'stopped')),
    primary key (consumer_group, topic, partition)
);

comment on table ingest.partition_offsets is
'Where each consumer group resumes, and who may move it: one row per group, topic and partition. Postgres, not Kafka, is the truth.';
comment on column ingest.partition_offsets.consumer_group is
'The consumer group';
comment on column ingest.partition_offsets.topic is
'The topic';
comment on column ingest.partition_offsets.partition is
'The partition';
comment on column ingest.partition_offsets.topic_id is
'Kafka''s id of the topic: a topic deleted and made anew has another one';
comment on column ingest.partition_offsets.incarnation is
'Counts the topic''s lives seen here, from 1';
comment on column ingest.partition_offsets.next_offset is
'The offset of the next record to read';
comment on column ingest.partition_offsets.epoch is
'Rises each time an owner takes the partition';
comment on column ingest.partition_offsets.owner is
'The consumer process that holds the partition';
comment on column ingest.partition_offsets.backend_pid is
'Its Postgres backend: process id';
comment on column ingest.partition_offsets.backend_start is
'Its Postgres backend: start time, so that a reused process id is not mistaken';
comment on column ingest.partition_offsets.superseded_pid is
'The backend of the owner before: its process id. If it stalls while it holds locks, it may be ended';
comment on column ingest.partition_offsets.superseded_start is
'The backend of the owner before: its start time';
comment on column ingest.partition_offsets.moved_at is
'When next_offset last moved, or the partition was taken';
comment on column ingest.partition_offsets.status is
'consuming or stopped';
comment on column ingest.partition_offsets.status_detail is
'Why it is stopped, and what to do';

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
'The ledger: what became of every record, one row per partition and batch, never changed. Per partition and incarnation first_offset equals the previous next_offset.';
comment on column ingest.batches.batch_id is
'Order of writing';
comment on column ingest.batches.consumer_group is
'The consumer group';
comment on column ingest.batches.topic is
'The topic';
comment on column ingest.batches.partition is
'The partition';
comment on column ingest.batches.incarnation is
'The topic''s life, see partition_offsets';
comment on column ingest.batches.kind is
'batch, empty (position moved without records), redrive, gap (accepted loss) or reset';
comment on column ingest.batches.first_offset is
'First offset covered';
comment on column ingest.batches.next_offset is
'First offset after it';
comment on column ingest.batches.records is
'Records read';
comment on column ingest.batches.applied is
'Records that inserted or changed a row';
comment on column ingest.batches.unchanged is
'Duplicates and stale records';
comment on column ingest.batches.dead_lettered is
'Records that became dead letters';
comment on column ingest.batches.committed_at is
'When the batch was written';

create unique index batches_contiguous on ingest.batches (
    consumer_group, topic, partition, incarnation, first_offset
) where kind in ('batch', 'empty', 'gap');

create table ingest.dead_letters (
    topic text collate "C" not null,
    topic_id uuid not null,
    partition integer not null,
    record_offset bigint not null,
    record_key bytea,
    record_value bytea,
    record_headers bytea[] not null,
    record_timestamp timestamptz not null,
    stage text not null,
    code text not null,
    pointer text,
    message text not null,
    schema_version text,
    software_version text not null,
    attempts integer not null default 1,
    status text not null default 'open',
    dead_lettered_at timestamptz not null default clock_timestamp(),
    status_changed_at timestamptz,
    check (stage in ('decode', 'envelope', 'contract', 'database')),
    check (status in ('open', 'redriven', 'discarded')),
    primary key (topic_id, partition, record_offset)
);

comment on table ingest.dead_letters is
'Records that could not be applied, byte for byte, with the reason.';
comment on column ingest.dead_letters.topic is
'The topic';
comment on column ingest.dead_letters.topic_id is
'Kafka''s id of the topic';
comment on column ingest.dead_letters.partition is
'The partition';
comment on column ingest.dead_letters.record_offset is
'The record''s offset';
comment on column ingest.dead_letters.record_key is
'Its key';
comment on column ingest.dead_letters.record_value is
'Its value';
comment on column ingest.dead_letters.record_headers is
'Its headers: name, value, name, value …';
comment on column ingest.dead_letters.record_timestamp is
'Its timestamp';
comment on column ingest.dead_letters.stage is
'decode, envelope, contract or database';
comment on column ingest.dead_letters.code is
'What was wrong, of a closed list (docs/dead-letters.md)';
comment on column ingest.dead_letters.pointer is
'Where: JSON pointer into the structured form';
comment on column ingest.dead_letters.message is
'What was wrong, in words';
comment on column ingest.dead_letters.schema_version is
'Event type whose contract judged it; null: not that far';
comment on column ingest.dead_letters.software_version is
'Version of this software that judged it';
comment on column ingest.dead_letters.attempts is
'How often it was judged';
comment on column ingest.dead_letters.status is
'open, redriven or discarded';
comment on column ingest.dead_letters.dead_lettered_at is
'When it was first kept';
comment on column ingest.dead_letters.status_changed_at is
'When the status last changed';

create index dead_letters_by_code on ingest.dead_letters (status, code, dead_lettered_at);

create table ingest.dirty_articles (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (mark_id)
);

comment on table ingest.dirty_articles is
'Articles whose metrics must be computed again: an insert-only log; a run deletes the marks that it takes.';
comment on column ingest.dirty_articles.mark_id is
'Order of marking';
comment on column ingest.dirty_articles.article_id is
'The article, as its publisher names it';
comment on column ingest.dirty_articles.marked_at is
'When it was marked';

create index dirty_articles_by_article on ingest.dirty_articles (article_id);

create table ingest.dirty_windows (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (mark_id)
);

comment on table ingest.dirty_windows is
'Articles whose closing window must be computed again: an insert-only log; a run deletes the marks that it takes.';
comment on column ingest.dirty_windows.mark_id is
'Order of marking';
comment on column ingest.dirty_windows.article_id is
'The article, as its publisher names it';
comment on column ingest.dirty_windows.marked_at is
'When it was marked';

create index dirty_windows_by_article on ingest.dirty_windows (article_id);

create table ingest.outbox (
    outbox_id bigint generated always as identity,
    article_id text collate "C" not null,
    sequence bigint not null,
    event_id uuid not null,
    event_type text not null,
    comment_id text collate "C",
    effective_at timestamptz not null,
    cause text not null,
    data jsonb not null,
    status text not null default 'pending',
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    unique (article_id, sequence),
    unique (event_id),
    check (status in ('pending', 'sent', 'suppressed')),
    primary key (outbox_id)
);

comment on table ingest.outbox is
'Events to publish to discussion-events, written in the transaction of the change that they tell.';
comment on column ingest.outbox.outbox_id is
'Order of writing';
comment on column ingest.outbox.article_id is
'The article, as its publisher names it';
comment on column ingest.outbox.sequence is
'Order within the article, from 1';
comment on column ingest.outbox.event_id is
'CloudEvents id: uuid5 of type, article_id, comment_id, effective_at and cause';
comment on column ingest.outbox.event_type is
'Type of the event';
comment on column ingest.outbox.comment_id is
'The comment it is about, if any';
comment on column ingest.outbox.effective_at is
'When the change took effect';
comment on column ingest.outbox.cause is
'Which rule or event caused it';
comment on column ingest.outbox.data is
'The event''s data';
comment on column ingest.outbox.status is
'pending, sent or suppressed';
comment on column ingest.outbox.created_at is
'When it was written';
comment on column ingest.outbox.sent_at is
'When the broker acknowledged it';

create index outbox_pending on ingest.outbox (article_id, sequence) where status = 'pending';

-- The two joins of registers. Plain SQL and not strict, so that the planner puts them in line.
create function ingest.precedes(offered anyelement, kept anyelement) returns boolean
language sql immutable
as 'select offered < kept or (kept is null and offered is not null)';

comment on function ingest.precedes is
'Join of a register that keeps the least: whether the offered version replaces the kept one (null: never set).';

create function ingest.supersedes(offered anyelement, kept anyelement) returns boolean
language sql immutable
as 'select offered > kept or (kept is null and offered is not null)';

comment on function ingest.supersedes is
'Join of a register that keeps the greatest: whether the offered version replaces the kept one (null: never set).';

create function ingest.advance_offsets(
    in_consumer_group text,
    in_owner uuid,
    in_topics text[],
    in_partitions integer[],
    in_epochs bigint[],
    in_first_offsets bigint[],
    in_next_offsets bigint[]
) returns void
language plpgsql
as $$
declare
    moved integer;
begin
    update ingest.partition_offsets as held
    set next_offset = batch.next_offset, moved_at = clock_timestamp()
    from unnest(in_topics, in_partitions, in_epochs, in_first_offsets, in_next_offsets)
        as batch (topic, partition, epoch, first_offset, next_offset)
    where held.consumer_group = in_consumer_group
        and held.topic = batch.topic
        and held.partition = batch.partition
        and held.owner = in_owner
        and held.epoch = batch.epoch
        and held.next_offset = batch.first_offset
        and held.status = 'consuming';
    get diagnostics moved = row_count;
    if moved is distinct from cardinality(in_partitions) then
        raise exception 'fenced: moved % of % partitions of group %', moved, cardinality(in_partitions), in_consumer_group
            using errcode = 'BTL01', hint = 'Another owner has taken a partition of this batch: roll back, take again, seek.';
    end if;
end
$$;

comment on function ingest.advance_offsets is
'The fence. Moves next_offset of all given partitions, or raises BTL01 so that the whole batch rolls back: a consumer that lost one of them, at whatever time, cannot write.';

grant select, insert, update on ingest.partition_offsets to btl_ingest;
grant select, insert on ingest.batches, ingest.dead_letters, ingest.dirty_articles, ingest.dirty_windows to btl_ingest;
grant update (attempts, status, status_changed_at) on ingest.dead_letters to btl_ingest;
grant select on all tables in schema ingest to btl_scheduler;
grant insert, delete on ingest.dirty_articles, ingest.dirty_windows to btl_scheduler;
grant insert, update, delete on ingest.outbox to btl_scheduler;
revoke execute on function ingest.advance_offsets from public;
grant execute on function ingest.advance_offsets to btl_ingest;
