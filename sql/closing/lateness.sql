-- Comments of the given articles whose lateness is not what was announced last: late ones that were
-- not announced or announced as in time, and comments in time that were announced as late. A
-- comment outside the intervals is late once the discussion has closed before it by the cut-off;
-- until then the window notes that there are undecided comments.
-- Parameters: articles.
-- Grain: one row per comment, by article, time and id. reason and changed_at: what decides at
-- posted_at, and when that became known, as in state_changes.sql.
-- Safe to re-run: a function of comments, windows and history.
with closing_window as materialized (
    select
        known.article_id,
        known.opens_at,
        known.closes_at,
        known.has_gaps,
        known.undecided_comments
    from discussion.windows as known
    where known.article_id = any(%(articles)s)
),

outside as materialized (
    select comment.article_id, comment.comment_id, comment.posted_at
    from discussion.comments as comment
    inner join closing_window on closing_window.article_id = comment.article_id
    where comment.article_id = any(%(articles)s)
        and comment.posted_at is not null
        and not discussion.in_time(
            comment.article_id,
            closing_window.opens_at,
            closing_window.closes_at,
            closing_window.has_gaps,
            comment.posted_at
        )
),

announced as materialized (
    select distinct on (announced.article_id, announced.comment_id)
        announced.article_id,
        announced.comment_id,
        announced.event_type = 'comment.late.v1' as as_late,
        announced.sequence,
        announced.effective_at,
        announced.suppressed
    from discussion.told_events as announced
    where announced.article_id = any(%(articles)s) and announced.comment_id is not null
    order by announced.article_id, announced.comment_id, announced.sequence desc
),

candidate as (
    select
        outside.article_id,
        outside.comment_id,
        outside.posted_at,
        true as is_late,
        announced.sequence as announced_sequence,
        announced.effective_at as announced_effective_at,
        announced.suppressed as announced_suppressed
    from outside
    left join announced
        on announced.article_id = outside.article_id and announced.comment_id = outside.comment_id
    where announced.as_late is not true
    union all
    select
        announced.article_id,
        announced.comment_id,
        comment.posted_at,
        false,
        announced.sequence,
        announced.effective_at,
        announced.suppressed
    from announced
    left join outside
        on outside.article_id = announced.article_id and outside.comment_id = announced.comment_id
    inner join discussion.comments as comment
        on comment.article_id = announced.article_id and comment.comment_id = announced.comment_id
    where comment.article_id = any(%(articles)s)
        and announced.as_late
        and outside.comment_id is null
),

decided as materialized (
    select
        candidate.*,
        deciding.change in ('opened', 'reopened', 'stays_open') as accepted,
        deciding.reason,
        coalesce(event.occurred_at, greatest(another_rule.created_at, version.occurred_at))
            as changed_at,
        deciding.rule_id is not null as by_rule
    from candidate
    left join lateral (
        select
            state_change.change,
            state_change.reason,
            state_change.rule_id,
            state_change.deciding_event
        from discussion.state_changes as state_change
        where state_change.article_id = candidate.article_id
            and state_change.superseded_at is null
            and state_change.effective_at <= candidate.posted_at
        order by state_change.effective_at desc, state_change.change_id desc
        limit 1
    ) as deciding on true
    left join lateral ingest.event_of(deciding.deciding_event) as event on true
    left join lateral (
        select rule.created_at
        from discussion.closing_rules as rule
        where rule.rule_id = deciding.rule_id
            and exists (
                select from discussion.state_changes as gone
                where gone.article_id = candidate.article_id
                    and gone.superseded_at is not null
                    and gone.rule_id != rule.rule_id
            )
    ) as another_rule on true
    left join lateral (
        select max(latest.occurred_at) as occurred_at
        from discussion.article_versions as latest
        where latest.article_id = candidate.article_id
    ) as version on true
),

undecided_now as (
    select
        closing_window.article_id,
        coalesce(bool_or(decided.is_late and decided.accepted is not false), false) as undecided
    from closing_window
    left join decided on decided.article_id = closing_window.article_id
    group by closing_window.article_id
),

noted as (
    update discussion.windows as kept
    set undecided_comments = undecided_now.undecided
    from undecided_now
    where kept.article_id = any(%(articles)s)
        and kept.article_id = undecided_now.article_id
        and kept.undecided_comments != undecided_now.undecided
)

select
    decided.article_id,
    decided.comment_id,
    decided.posted_at,
    decided.is_late,
    decided.reason,
    decided.changed_at,
    decided.by_rule,
    decided.announced_sequence,
    decided.announced_effective_at,
    decided.announced_suppressed
from decided
where not decided.is_late or not decided.accepted
order by decided.article_id, decided.posted_at, decided.comment_id
