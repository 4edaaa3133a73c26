create or replace view ingest.event_id_conflicts as
with kept as not materialized (
    select 'articles.content_version' as register, article_id, content_version as version from discussion.articles
    union all
    select 'articles.status_version', article_id, status_version from discussion.articles
    union all
    select 'article_versions.version', article_id, version from discussion.article_versions
    union all
    select 'discussion_overrides.version', article_id, version from discussion.discussion_overrides
    union all
    select 'comments.posted_version', article_id, posted_version from discussion.comments
    union all
    select 'comments.edited_version', article_id, edited_version from discussion.comments
    union all
    select 'comments.deleted_version', article_id, deleted_version from discussion.comments
    union all
    select 'comments.decision_version', article_id, decision_version from discussion.comments
    union all
    select 'comment_edits.version', article_id, version from discussion.comment_edits
    union all
    select 'moderation_decisions.version', article_id, version from discussion.moderation_decisions
    union all
    select 'reports.reported_version', article_id, reported_version from discussion.reports
    union all
    select 'reports.withdrawn_version', article_id, withdrawn_version from discussion.reports
    union all
    select 'report_decisions.version', article_id, version from discussion.report_decisions
    union all
    select 'reactions.state_version', article_id, state_version from discussion.reactions
),

-- Only slices are compared here, so that no more than what conflicts is read backwards.
shared as (
    select contents.pair
    from (
        select distinct
            substr(version, 9, length(version) - 40) as pair,
            substr(version, length(version) - 31) as digest
        from kept
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
from kept
inner join shared on shared.pair = substr(kept.version, 9, length(kept.version) - 40)
cross join lateral ingest.event_of(kept.version) as event
group by event.source, event.event_id;

comment on view ingest.event_id_conflicts is
'Events that share source and id but not their content, as far as their versions are kept: append-only tables keep all, a register only its winner. Each is an event in its own right. Reads every version there is.';
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
