-- Comments of the given articles whose lateness is not what was told last: late ones that were not told of or were called in
-- time, and comments in time that were called late. A comment outside the intervals is late once the discussion has closed
-- before it by the cut-off; while it has not, the window notes that there are such comments.
-- Parameters: articles. Grain: one row per comment, by article, time and id. reason and changed_at: what decides at posted_at,
-- and when that was made known, as in state_changes.sql. Safe to re-run: a function of comments, windows and history.
with closing_window as materialized (
    select known.article_id, known.opens_at, known.closes_at, known.has_gaps, known.undecided_comments
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

told as materialized (
    select distinct on (told.article_id, told.comment_id)
        told.article_id,
        told.comment_id,
        told.event_type = 'comment.late.v1' as as_late,
        told.sequence,
        told.effective_at,
        told.suppressed
    from discussion.told_events as told
    where told.article_id = any(%(articles)s) and told.comment_id is not null
    order by told.article_id, told.comment_id, told.sequence desc
),

doubtful as (
    select
        outside.article_id,
        outside.comment_id,
        outside.posted_at,
        true as is_late,
        told.sequence as told_sequence,
        told.effective_at as told_effective_at,
        told.suppressed as told_suppressed
    from outside
    left join told on told.article_id = outside.article_id and told.comment_id = outside.comment_id
    where told.as_late is not true
    union all
    select
        told.article_id,
        told.comment_id,
        comment.posted_at,
        false,
        told.sequence,
        told.effective_at,
        told.suppressed
    from told
    left join outside on outside.article_id = told.article_id and outside.comment_id = told.comment_id
    inner join discussion.comments as comment
        on comment.article_id = told.article_id and comment.comment_id = told.comment_id
    where comment.article_id = any(%(articles)s) and told.as_late and outside.comment_id is null
),

judged as materialized (
    select
        doubtful.*,
        standing.change in ('opened', 'reopened', 'stays_open') as accepted,
        standing.reason,
        coalesce(event.occurred_at, greatest(another_rule.created_at, version.occurred_at)) as changed_at,
        standing.rule_id is not null as by_rule
    from doubtful
    left join lateral (
        select state_change.change, state_change.reason, state_change.rule_id, state_change.deciding_event
        from discussion.state_changes as state_change
        where state_change.article_id = doubtful.article_id
            and state_change.superseded_at is null
            and state_change.effective_at <= doubtful.posted_at
        order by state_change.effective_at desc, state_change.change_id desc
        limit 1
    ) as standing on true
    left join lateral ingest.event_of(standing.deciding_event) as event on true
    left join lateral (
        select rule.created_at
        from discussion.closing_rules as rule
        where rule.rule_id = standing.rule_id
            and exists (
                select from discussion.state_changes as gone
                where gone.article_id = doubtful.article_id
                    and gone.superseded_at is not null
                    and gone.rule_id != rule.rule_id
            )
    ) as another_rule on true
    left join lateral (
        select max(latest.occurred_at) as occurred_at
        from discussion.article_versions as latest
        where latest.article_id = doubtful.article_id
    ) as version on true
),

undecided_now as (
    select closing_window.article_id, coalesce(bool_or(judged.is_late and judged.accepted is not false), false) as undecided
    from closing_window
    left join judged on judged.article_id = closing_window.article_id
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
    judged.article_id,
    judged.comment_id,
    judged.posted_at,
    judged.is_late,
    judged.reason,
    judged.changed_at,
    judged.by_rule,
    judged.told_sequence,
    judged.told_effective_at,
    judged.told_suppressed
from judged
where not judged.is_late or not judged.accepted
order by judged.article_id, judged.posted_at, judged.comment_id
