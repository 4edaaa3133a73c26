-- Brings the given articles to the cut-off: windows and intervals, the history of their states, and
-- which of their figures are final. Writes only rows that differ, and marks the articles for the
-- metrics whose lateness, state or finality changed.
-- Parameters: articles, cut_off, grace_seconds, is_blocked (the quality gate fails, so that nothing
-- becomes final that is not final yet); default_reactions_hours (how long reactions count after
-- the closing where no rule is in force, also for want of an anchor); changed_articles,
-- changed_what, changed_at: the marks of dirty_discussions that were taken, as arrays of equal
-- length.
-- Grain: one row per article with more to do: its state before and now, whether its window and its
-- history changed, and whether the lateness of its comments must be computed.
-- Safe to re-run: a function of events, rules and cut-off; a second run finds nothing that differs.
with decided as materialized (
    select
        decided_timeline.article_id,
        decided_timeline.starts_at,
        decided_timeline.ends_at,
        decided_timeline.accepted,
        decided_timeline.cause,
        decided_timeline.deciding_event
    from discussion.decided_timeline(%(articles)s) as decided_timeline
),

-- The same pieces, joined where neither state nor cause changes, as in discussion.timeline.
piece as materialized (
    select
        turning_point.article_id,
        turning_point.starts_at,
        lead(turning_point.starts_at) over (
            partition by turning_point.article_id order by turning_point.starts_at nulls first
        ) as ends_at,
        turning_point.accepted,
        turning_point.cause
    from (
        select
            decided.*,
            lag(decided.accepted) over in_order is distinct from decided.accepted
            or lag(decided.cause) over in_order is distinct from decided.cause as turns
        from decided
        window in_order as (partition by decided.article_id order by decided.starts_at nulls first)
    ) as turning_point
    where turning_point.turns
),

anchor as materialized (
    select
        anchors.article_id,
        anchors.anchor,
        anchors.site,
        anchors.section,
        anchors.rule_id,
        anchors.reactions_window_hours
    from discussion.anchors(%(articles)s) as anchors
),

accepted as (
    select
        decided.article_id,
        range_agg(tstzrange(decided.starts_at, decided.ends_at)) as during
    from decided
    where decided.accepted
    group by decided.article_id
),

following as (
    select piece.article_id, min(piece.starts_at) as next_change_at
    from piece
    where piece.starts_at > %(cut_off)s
    group by piece.article_id
),

following_decision as (
    select decided.article_id, min(decided.starts_at) as starts_at
    from decided
    where decided.starts_at > %(cut_off)s
    group by decided.article_id
),

window_now as materialized (
    select
        piece.article_id,
        anchor.anchor as opens_at,
        window_at.closes_at,
        anchor.site,
        anchor.section,
        anchor.rule_id,
        anchor.reactions_window_hours,
        window_at.state,
        window_at.closed_at,
        piece.cause as reason,
        window_at.has_gaps,
        window_at.open_during,
        following.next_change_at,
        following_decision.starts_at as next_decision_at
    from piece
    left join anchor on anchor.article_id = piece.article_id
    left join accepted on accepted.article_id = piece.article_id
    left join following on following.article_id = piece.article_id
    left join following_decision on following_decision.article_id = piece.article_id
    cross join lateral discussion.window_at(
        accepted.during, anchor.anchor, piece.accepted, %(cut_off)s
    ) as window_at
    where (piece.starts_at is null or piece.starts_at <= %(cut_off)s)
        and (piece.ends_at is null or piece.ends_at > %(cut_off)s)
),

interval_now as materialized (
    select
        window_now.article_id,
        opened.ordinal::integer as ordinal,
        lower(opened.during) as starts_at,
        upper(opened.during) as ends_at
    from window_now
    cross join lateral unnest(window_now.open_during) with ordinality as opened (during, ordinal)
),

-- The old state: every part of a statement sees the rows as they were before the statement.
window_before as materialized (
    select before.*
    from discussion.windows as before
    where before.article_id = any(%(articles)s)
),

change_taken as materialized (
    select
        mark.article_id,
        max(mark.at) filter (where mark.what = 'comments') as comments_at,
        max(mark.at) filter (where mark.what = 'reactions') as reactions_at
    from unnest(
        %(changed_articles)s::text[], %(changed_what)s::text[], %(changed_at)s::timestamptz[]
    ) as mark (article_id, what, at)
    group by mark.article_id
),

revised as (
    select revision.article_id, max(revision.revision) + 1 as revision
    from metrics.article_engagement_revisions as revision
    where revision.article_id = any(%(articles)s)
    group by revision.article_id
),

-- greatest and least ignore nulls.
settling as (
    select
        window_now.*,
        window_now.closes_at
        + make_interval(
            hours => coalesce(window_now.reactions_window_hours, %(default_reactions_hours)s)
        ) as reactions_close_at,
        coalesce(revised.revision, 0) as revision,
        coalesce(window_before.final, false) as was_final,
        coalesce(window_before.reactions_final, false) as was_reactions_final,
        greatest(window_before.comments_changed_at, change_taken.comments_at)
            as comments_changed_at,
        greatest(window_before.reactions_changed_at, change_taken.reactions_at)
            as reactions_changed_at,
        case
            when window_now.state = 'closed' and window_now.closed_at is not null
                then
                    greatest(
                        window_now.closed_at,
                        window_before.comments_changed_at,
                        change_taken.comments_at
                    )
                    + make_interval(secs => %(grace_seconds)s)
        end as final_at
    from window_now
    left join window_before on window_before.article_id = window_now.article_id
    left join change_taken on change_taken.article_id = window_now.article_id
    left join revised on revised.article_id = window_now.article_id
),

settled as materialized (
    select
        finished.*,
        coalesce(finished.final_at <= %(cut_off)s, false)
        and (finished.was_final or not %(is_blocked)s) as final,
        coalesce(finished.reactions_final_at <= %(cut_off)s, false)
        and (finished.was_reactions_final or not %(is_blocked)s) as reactions_final,
        (
            select min(moment.at)
            from unnest(
                array[
                    finished.next_decision_at,
                    finished.opens_at,
                    finished.final_at,
                    finished.reactions_final_at,
                    -- What the quality gate withholds is due in every run until the gate passes.
                    case
                        when %(is_blocked)s
                            and (
                                (finished.final_at <= %(cut_off)s and not finished.was_final)
                                or (
                                    finished.reactions_final_at <= %(cut_off)s
                                    and not finished.was_reactions_final
                                )
                            )
                            then %(cut_off)s + interval '1 microsecond'
                    end
                ]
            ) as moment (at)
            where moment.at > %(cut_off)s
        ) as due_at
    from (
        select
            settling.*,
            case
                when settling.final_at is not null and settling.reactions_close_at is not null
                    then
                        greatest(
                            settling.final_at,
                            greatest(settling.reactions_close_at, settling.reactions_changed_at)
                            + make_interval(secs => %(grace_seconds)s)
                        )
            end as reactions_final_at
        from settling
    ) as finished
),

compared as materialized (
    select
        settled.article_id,
        window_before.article_id is null
        or (
            window_before.opens_at, window_before.closes_at, window_before.reactions_close_at,
            window_before.site, window_before.section, window_before.rule_id,
            window_before.state, window_before.closed_at, window_before.reason,
            window_before.has_gaps, window_before.next_change_at, window_before.final,
            window_before.reactions_final, window_before.revision
        ) is distinct from (
            settled.opens_at, settled.closes_at, settled.reactions_close_at, settled.site,
            settled.section, settled.rule_id, settled.state, settled.closed_at,
            settled.reason, settled.has_gaps, settled.next_change_at, settled.final,
            settled.reactions_final, settled.revision
        ) as changes,
        (
            window_before.comments_changed_at, window_before.reactions_changed_at,
            window_before.due_at
        ) is distinct from (
            settled.comments_changed_at, settled.reactions_changed_at, settled.due_at
        ) as notes,
        (
            window_before.opens_at, window_before.closes_at, window_before.has_gaps
        ) is distinct from (
            settled.opens_at, settled.closes_at, settled.has_gaps
        ) as moves,
        coalesce(window_before.undecided_comments, false) as undecided_comments,
        change_taken.comments_at is not null as comments_changed,
        change_taken.article_id is not null and settled.final as stays_final
    from settled
    left join window_before on window_before.article_id = settled.article_id
    left join change_taken on change_taken.article_id = settled.article_id
),

window_written as (
    insert into discussion.windows (
        article_id, opens_at, closes_at, reactions_close_at, site, section, rule_id, state,
        closed_at, reason, has_gaps, next_change_at, final, reactions_final, revision,
        comments_changed_at, reactions_changed_at, due_at, changed_at
    )
    select
        settled.article_id,
        settled.opens_at,
        settled.closes_at,
        settled.reactions_close_at,
        settled.site,
        settled.section,
        settled.rule_id,
        settled.state,
        settled.closed_at,
        settled.reason,
        settled.has_gaps,
        settled.next_change_at,
        settled.final,
        settled.reactions_final,
        settled.revision,
        settled.comments_changed_at,
        settled.reactions_changed_at,
        settled.due_at,
        case
            when compared.changes then clock_timestamp() else window_before.changed_at
        end as changed_at
    from settled
    inner join compared on compared.article_id = settled.article_id
    left join window_before on window_before.article_id = settled.article_id
    where compared.changes or compared.notes
    on conflict (article_id) do update
        set
            opens_at = excluded.opens_at,
            closes_at = excluded.closes_at,
            reactions_close_at = excluded.reactions_close_at,
            site = excluded.site,
            section = excluded.section,
            rule_id = excluded.rule_id,
            state = excluded.state,
            closed_at = excluded.closed_at,
            reason = excluded.reason,
            has_gaps = excluded.has_gaps,
            next_change_at = excluded.next_change_at,
            final = excluded.final,
            reactions_final = excluded.reactions_final,
            revision = excluded.revision,
            comments_changed_at = excluded.comments_changed_at,
            reactions_changed_at = excluded.reactions_changed_at,
            due_at = excluded.due_at,
            changed_at = excluded.changed_at
),

interval_removed as (
    delete from discussion.window_intervals as kept
    where kept.article_id = any(%(articles)s)
        and not exists (
            select from interval_now
            where interval_now.article_id = kept.article_id and interval_now.ordinal = kept.ordinal
        )
    returning kept.article_id
),

interval_written as (
    insert into discussion.window_intervals as kept (article_id, ordinal, starts_at, ends_at)
    select
        interval_now.article_id,
        interval_now.ordinal,
        interval_now.starts_at,
        interval_now.ends_at
    from interval_now
    on conflict (article_id, ordinal) do update
        set starts_at = excluded.starts_at, ends_at = excluded.ends_at
        where (kept.starts_at, kept.ends_at) is distinct from (excluded.starts_at, excluded.ends_at)
    returning kept.article_id
),

interval_changed as materialized (
    select interval_removed.article_id from interval_removed
    union
    select interval_written.article_id from interval_written
),

-- Where no publication time is known, the history begins with the first event.
first_heard as (
    select named.article_id, min(named.occurred_at) as occurred_at
    from (
        select article_version.article_id, article_version.occurred_at
        from discussion.article_versions as article_version
        where article_version.article_id = any(%(articles)s)
        union all
        select override.article_id, override.occurred_at
        from discussion.discussion_overrides as override
        where override.article_id = any(%(articles)s)
    ) as named
    left join anchor on anchor.article_id = named.article_id
    where anchor.article_id is null
    group by named.article_id
),

lived as (
    select
        decided.article_id,
        coalesce(
            greatest(decided.starts_at, anchor.anchor),
            least(first_heard.occurred_at, decided.ends_at)
        ) as effective_at,
        decided.accepted,
        decided.cause as reason,
        case when decided.cause = 'rule' then anchor.rule_id end as rule_id,
        decided.deciding_event,
        row_number() over in_order as place,
        lag(decided.accepted) over in_order as accepted_before,
        coalesce(bool_or(decided.accepted) over earlier, false) as was_open
    from decided
    left join anchor on anchor.article_id = decided.article_id
    left join first_heard on first_heard.article_id = decided.article_id
    where anchor.anchor is null or decided.ends_at is null or decided.ends_at > anchor.anchor
    window
        in_order as (partition by decided.article_id order by decided.starts_at nulls first),
        earlier as (
            partition by decided.article_id
            order by decided.starts_at nulls first
            rows between unbounded preceding and 1 preceding
        )
),

state_change_now as materialized (
    select
        lived.article_id,
        lived.effective_at,
        case
            when lived.accepted = lived.accepted_before and lived.accepted then 'stays_open'
            when lived.accepted = lived.accepted_before then 'stays_closed'
            when not lived.accepted then 'closed'
            when lived.was_open then 'reopened'
            else 'opened'
        end as change,
        lived.reason,
        lived.rule_id,
        lived.deciding_event,
        lived.place
    from lived
    where lived.effective_at <= %(cut_off)s
),

state_change_before as materialized (
    select
        before.change_id,
        before.article_id,
        before.effective_at,
        before.change,
        before.reason,
        before.rule_id,
        before.deciding_event
    from discussion.state_changes as before
    where before.article_id = any(%(articles)s) and before.superseded_at is null
),

superseded as (
    update discussion.state_changes as kept
    set superseded_at = clock_timestamp()
    from (
        select gone.change_id
        from state_change_before as gone
        left join state_change_now as same
            on same.article_id = gone.article_id
            and same.effective_at = gone.effective_at
            and same.change = gone.change
            and same.reason = gone.reason
            and coalesce(same.rule_id, 0) = coalesce(gone.rule_id, 0)
            and coalesce(same.deciding_event, '') = coalesce(gone.deciding_event, '')
        where same.article_id is null
    ) as gone
    where kept.change_id = gone.change_id
    returning kept.article_id
),

recorded as (
    insert into discussion.state_changes (
        article_id, effective_at, change, reason, rule_id, deciding_event
    )
    select
        fresh.article_id,
        fresh.effective_at,
        fresh.change,
        fresh.reason,
        fresh.rule_id,
        fresh.deciding_event
    from state_change_now as fresh
    left join state_change_before as same
        on same.article_id = fresh.article_id
        and same.effective_at = fresh.effective_at
        and same.change = fresh.change
        and same.reason = fresh.reason
        and coalesce(same.rule_id, 0) = coalesce(fresh.rule_id, 0)
        and coalesce(same.deciding_event, '') = coalesce(fresh.deciding_event, '')
    where same.article_id is null
    order by fresh.article_id, fresh.place
    returning article_id
),

history_changed as (
    select superseded.article_id from superseded
    union
    select recorded.article_id from recorded
),

found as materialized (
    select
        compared.article_id,
        compared.changes or interval_changed.article_id is not null as window_changed,
        history_changed.article_id is not null as history_changed,
        interval_changed.article_id is not null
        or compared.moves
        or compared.comments_changed
        or (compared.undecided_comments and history_changed.article_id is not null)
            as comments_concerned,
        compared.stays_final
    from compared
    left join interval_changed on interval_changed.article_id = compared.article_id
    left join history_changed on history_changed.article_id = compared.article_id
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select found.article_id
    from found
    where found.window_changed or found.stays_final
)

select
    found.article_id,
    window_before.state as state_before,
    settled.state as state_now,
    found.window_changed,
    found.history_changed,
    found.comments_concerned
from found
inner join settled on settled.article_id = found.article_id
left join window_before on window_before.article_id = found.article_id
where found.window_changed or found.history_changed or found.comments_concerned
