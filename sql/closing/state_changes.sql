-- The current history of the given articles, with what the announcements need.
-- Parameters: articles.
-- Grain: one row per change of state or of what decides it, by article in order of effect.
-- changed_at: when it became known what decides. That is the time of the deciding event. For a rule
-- it is the later of two times: the last version of the article, which may have chosen the rule,
-- and the creation of the rule if it replaced another one. closes_at: the end of what was opened.
-- Reads only.
select
    state_change.article_id,
    state_change.effective_at,
    state_change.change,
    state_change.reason,
    coalesce(event.occurred_at, greatest(another_rule.created_at, version.occurred_at))
        as changed_at,
    piece.ends_at as closes_at
from discussion.state_changes as state_change
left join lateral ingest.event_of(state_change.deciding_event) as event on true
left join lateral (
    select rule.created_at
    from discussion.closing_rules as rule
    where rule.rule_id = state_change.rule_id
        and exists (
            select from discussion.state_changes as gone
            where gone.article_id = state_change.article_id
                and gone.superseded_at is not null
                and gone.rule_id != rule.rule_id
        )
) as another_rule on true
left join lateral (
    select max(latest.occurred_at) as occurred_at
    from discussion.article_versions as latest
    where latest.article_id = state_change.article_id
) as version on true
left join discussion.window_intervals as piece
    on piece.article_id = state_change.article_id
    and state_change.change in ('opened', 'reopened', 'stays_open')
    and coalesce(piece.starts_at, '-infinity') <= state_change.effective_at
    and state_change.effective_at < coalesce(piece.ends_at, 'infinity')
where state_change.article_id = any(%(articles)s) and state_change.superseded_at is null
order by state_change.article_id, state_change.effective_at, state_change.change_id
