-- What happened to each discussion. Columns: sql/metrics/discussion_history.
create or replace view discussion.discussion_history as
select
    state_change.article_id,
    state_change.effective_at,
    state_change.change,
    state_change.change in ('opened', 'reopened', 'stays_open') as accepts_comments,
    state_change.reason,
    state_change.rule_id,
    rule.created_by as rule_created_by,
    rule.note as rule_note,
    event.source as event_source,
    event.event_id,
    override.action as override_action,
    override.decided_by,
    override.reason as decision_reason,
    state_change.recorded_at,
    state_change.superseded_at
from discussion.state_changes as state_change
left join discussion.closing_rules as rule on rule.rule_id = state_change.rule_id
left join lateral ingest.event_of(state_change.deciding_event) as event on true
left join discussion.discussion_overrides as override
    on override.article_id = state_change.article_id
    and override.source = event.source
    and override.event_id = event.event_id
    and override.digest = event.digest;

grant select on discussion.discussion_history to btl_scheduler, btl_moderator;
