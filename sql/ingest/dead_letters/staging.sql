-- Purpose: the dead letters of one batch on their way to ingest.dead_letters.
-- Grain: one row per record.
-- Re-run: safe; temporary to the session, emptied by every commit.
create temporary table if not exists staged_dead_letters (
    topic text not null,
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
    source text,
    event_type text,
    event_id text,
    is_erased boolean not null
) on commit delete rows;
