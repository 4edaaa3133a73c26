-- What the quality gate and the audit of the ingest found.
create table metrics.quality_results (
    run_id text not null,
    checked_at timestamptz not null,
    suite text not null,
    expectation text not null,
    relation text not null,
    column_name text,
    severity text not null,
    success boolean not null,
    message text not null,
    cure text not null,
    unexpected bigint,
    examples jsonb not null,
    check (severity in ('fail', 'warn')),
    primary key (run_id, suite, expectation)
);

comment on table metrics.quality_results is
'What the quality gate found: one row per run of data_quality and expectation, met or not. Kept '
'for good.';
comment on column metrics.quality_results.run_id is 'The run';
comment on column metrics.quality_results.checked_at is 'When the run began';
comment on column metrics.quality_results.suite is 'base, metrics or freshness';
comment on column metrics.quality_results.expectation is 'Name of the expectation within its suite';
comment on column metrics.quality_results.relation is 'The table that it is about';
comment on column metrics.quality_results.column_name is
'The column; null: rows or the whole table';
comment on column metrics.quality_results.severity is
'fail: while it is not met, no figures become final; warn: a person should look';
comment on column metrics.quality_results.success is 'Whether the expectation is met';
comment on column metrics.quality_results.message is 'What is wrong if not met, in one sentence';
comment on column metrics.quality_results.cure is 'What to do if it is not met';
comment on column metrics.quality_results.unexpected is
'Rows that do not meet it; null: not about rows';
comment on column metrics.quality_results.examples is
'At most five of these rows: keys and figures, never texts of readers';

create index quality_results_by_time on metrics.quality_results (checked_at);

create table ingest.audit_results (
    audited_at timestamptz not null,
    what text not null,
    name text not null,
    value double precision,
    detail text,
    check (what in ('lag', 'records', 'dead_letters', 'finding', 'drift')),
    primary key (audited_at, what, name)
);

comment on table ingest.audit_results is
'What each run of ingest_audit found: one row per partition, code of dead letters, finding and '
'differing figure.';
comment on column ingest.audit_results.audited_at is 'When the run began; the same in all its rows';
comment on column ingest.audit_results.what is
'lag: offsets of a partition still to read; records: read from it since the previous audit; '
'dead_letters: of a code since then; finding: what does not add up; drift: a figure that differs '
'from what the rows give';
comment on column ingest.audit_results.name is 'The partition, the code, or where the finding is';
comment on column ingest.audit_results.value is 'The number; null: not known, or nothing to count';
comment on column ingest.audit_results.detail is 'The finding in a sentence, and what to do';

grant select, insert on ingest.audit_results to btl_scheduler;
grant select, insert, update on metrics.quality_results to btl_scheduler;
grant select on metrics.quality_results to btl_reader, btl_moderator;
