create or replace view ingest.event_id_conflicts as
-- Only slices of versions are compared here. Only what conflicts is read with event_of.
with shared as (
    select contents.pair
    from (
        select distinct
            substr(version, 9, length(version) - 40) as pair,
            substr(version, length(version) - 31) as digest
        from ingest.kept_versions
        where version is not null
    ) as contents
    group by contents.pair
    having count(*) > 1
)

select
    event.source,
    event.event_id,
    count(distinct event.digest) as contents,
    min(event.occurred_at) as first_occurred_at,
    max(event.occurred_at) as last_occurred_at,
    array_agg(distinct kept.register order by kept.register) as registers,
    array_agg(distinct kept.article_id order by kept.article_id) as article_ids
from ingest.kept_versions as kept
inner join shared on shared.pair = substr(kept.version, 9, length(kept.version) - 40)
cross join lateral ingest.event_of(kept.version) as event
group by event.source, event.event_id;

comment on view ingest.event_id_conflicts is
'Events with the same source and id but another content, as far as their versions are kept: '
'append-only tables keep all, a register keeps only its winner. Each counts as an event. Reads all '
'versions.';
comment on column ingest.event_id_conflicts.source is 'CloudEvents source that they share';
comment on column ingest.event_id_conflicts.event_id is 'CloudEvents id that they share';
comment on column ingest.event_id_conflicts.contents is
'How many different contents (type, time or data) are kept under this source and id';
comment on column ingest.event_id_conflicts.first_occurred_at is 'Least time among them';
comment on column ingest.event_id_conflicts.last_occurred_at is 'Greatest time among them';
comment on column ingest.event_id_conflicts.registers is
'Where they are kept: table and column of schema discussion';
comment on column ingest.event_id_conflicts.article_ids is 'The articles that they are about';

grant select on ingest.event_id_conflicts to btl_ingest, btl_scheduler;
