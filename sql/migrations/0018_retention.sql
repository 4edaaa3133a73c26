-- Runs as: the role that migrates
--
-- The role that deletes what has become old. btl_scheduler may become it, and has none of its
-- rights before it does: neither by an accident nor by a statement of another DAG are letters or
-- lines of the ledger lost.
do $$
begin
    if not exists (select from pg_roles where rolname = 'btl_retention') then
        create role btl_retention nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
    if pg_has_role('btl_scheduler', 'btl_retention', 'member') then
        return;
    end if;
    if current_setting('server_version_num')::integer >= 160000 then
        execute 'grant btl_retention to btl_scheduler with inherit false';
    else
        alter role btl_scheduler noinherit;
        grant btl_retention to btl_scheduler;
    end if;
exception
    -- Another database of this server is migrated at the same moment.
    when unique_violation or internal_error then null;
    when insufficient_privilege then
        raise warning 'only a superuser, or who has the admin option of role btl_retention, may'
            ' grant it to btl_scheduler: without that the DAG retention fails';
end
$$;

set local role btl_owner;

-- A line counts its dead letters for ever; those that are deleted must not look lost.
alter table ingest.batches add column deleted_dead_letters bigint not null default 0;

comment on column ingest.batches.deleted_dead_letters is
'How many of its dead letters retention has deleted since';
comment on table ingest.batches is
'The ledger: what happened to every record, one row per partition and some seconds of progress. '
'The last row of an owner is extended by its next batches, in the transaction of each. Retention '
'folds the old rows of a UTC day into one; no other row ever changes. Within a partition and '
'incarnation first_offset equals the previous next_offset, without redrives. Each incarnation '
'after the first begins with a reset.';

-- Not by time: a line that is extended would be written into this index, too.
create index batches_redrives on ingest.batches (batch_id) where kind = 'redrive';
create index dead_letters_settled on ingest.dead_letters (status_changed_at)
where status != 'open';
create index outbox_settled on ingest.outbox (created_at) where status != 'pending';
create index state_changes_superseded_at on discussion.state_changes (superseded_at)
where superseded_at is not null;

comment on table metrics.quality_results is
'What the quality gate found: one row per run of data_quality and expectation, met or not.';

alter table below_the_line.settings drop constraint settings_name_check;
alter table below_the_line.settings add constraint settings_name_check check (
    name in ('site_timezone', 'close_delay', 'grace', 'consumer_group')
    or starts_with(name, 'retention_')
);
comment on column below_the_line.settings.value is
'The value; durations in seconds, those of retention in days, or never';

insert into ingest.locks (name)
values ('retention');
comment on column ingest.locks.name is
'closing: windows; outbox: publishing; event id conflicts: their count; retention: deleting what '
'is old; articles and days: a shard of a rebuild';

grant usage on schema discussion, ingest, metrics to btl_retention;
grant select, update on ingest.locks to btl_retention;
grant select on ingest.partition_offsets to btl_retention;
grant select (topic, topic_id, partition, record_offset, status, dead_lettered_at,
    status_changed_at) on ingest.dead_letters to btl_retention;
grant delete on ingest.dead_letters to btl_retention;
grant select, delete, update (
    kind, first_offset, next_offset, records, applied, unchanged, dead_lettered, batches,
    first_committed_at, committed_at, deleted_dead_letters
) on ingest.batches to btl_retention;
grant select, delete on
    ingest.outbox,
    ingest.barriers,
    ingest.barrier_offsets,
    ingest.audit_results,
    discussion.state_changes,
    metrics.quality_results,
    metrics.article_engagement_revisions
to btl_retention;
