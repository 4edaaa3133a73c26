-- Records that could not be applied.
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
    judged_at timestamptz not null default clock_timestamp(),
    check (stage in ('decode', 'envelope', 'contract', 'database')),
    check (status in ('open', 'redriven', 'discarded')),
    primary key (topic_id, partition, record_offset)
);

comment on table ingest.dead_letters is
'Records that could not be applied, unchanged, with the reason.';
comment on column ingest.dead_letters.topic_id is 'Kafka''s id of the topic';
comment on column ingest.dead_letters.record_offset is 'Its offset';
comment on column ingest.dead_letters.record_key is 'Its key';
comment on column ingest.dead_letters.record_value is 'Its value';
comment on column ingest.dead_letters.record_headers is 'Its headers: name, value, name, value …';
comment on column ingest.dead_letters.record_timestamp is 'Its timestamp';
comment on column ingest.dead_letters.stage is 'decode, envelope, contract or database';
comment on column ingest.dead_letters.code is 'What was wrong: a code of docs/dead-letters.md';
comment on column ingest.dead_letters.pointer is 'Where: JSON pointer into the structured form';
comment on column ingest.dead_letters.message is 'What was wrong, in words';
comment on column ingest.dead_letters.schema_version is
'Event type whose contract rejected it; null: it did not get that far';
comment on column ingest.dead_letters.software_version is 'Software that last validated it';
comment on column ingest.dead_letters.attempts is 'How often it was validated';
comment on column ingest.dead_letters.status is 'open, redriven or discarded';
comment on column ingest.dead_letters.dead_lettered_at is 'When it was first kept';
comment on column ingest.dead_letters.status_changed_at is 'When the status last changed';
comment on column ingest.dead_letters.judged_at is
'When it was last validated: a redrive validates each record once';

create index dead_letters_by_code on ingest.dead_letters (status, code, dead_lettered_at);

grant select, insert on ingest.dead_letters to btl_ingest;
grant select on ingest.dead_letters to btl_scheduler;
grant update (
    stage, code, pointer, message, schema_version, software_version, attempts, status,
    status_changed_at, judged_at
) on ingest.dead_letters to btl_ingest;
