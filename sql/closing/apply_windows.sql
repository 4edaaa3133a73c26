-- Computes windows and intervals of the given articles as they are at the cut-off, writes what differs, and marks the
-- articles of changed windows for the metrics (lateness, state and reaction figures depend on them).
-- Parameters: articles, cut_off. Grain: one row per article whose window or intervals changed, with its old and new state.
-- Safe to re-run: a function of events, rules and cut-off; a second run finds nothing that differs.
with piece as materialized (
    select timeline.article_id, timeline.starts_at, timeline.ends_at, timeline.accepted, timeline.cause
    from discussion.timeline(%(articles)s) as timeline
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

accepted_piece as (
    select
        piece.article_id,
        piece.starts_at,
        piece.ends_at,
        lag(piece.ends_at) over (
            partition by piece.article_id order by piece.starts_at nulls first
        ) is distinct from piece.starts_at or piece.starts_at is null as begins
    from piece
    where piece.accepted
),

numbered as (
    select
        accepted_piece.article_id,
        accepted_piece.starts_at,
        accepted_piece.ends_at,
        count(*) filter (where accepted_piece.begins) over (
            partition by accepted_piece.article_id order by accepted_piece.starts_at nulls first
        ) as run
    from accepted_piece
),

joined as (
    select
        numbered.article_id,
        nullif(min(coalesce(numbered.starts_at, '-infinity')), '-infinity') as starts_at,
        nullif(max(coalesce(numbered.ends_at, 'infinity')), 'infinity') as ends_at
    from numbered
    group by numbered.article_id, numbered.run
),

interval_now as materialized (
    select
        joined.article_id,
        (
            row_number() over (partition by joined.article_id order by joined.starts_at nulls first)
        )::integer as ordinal,
        greatest(joined.starts_at, anchor.anchor) as starts_at,
        joined.ends_at
    from joined
    left join anchor on anchor.article_id = joined.article_id
    where anchor.anchor is null or joined.ends_at is null or joined.ends_at > anchor.anchor
),

extent as (
    select
        interval_now.article_id,
        count(*) as intervals,
        min(interval_now.starts_at) as first_starts_at,
        nullif(max(coalesce(interval_now.ends_at, 'infinity')), 'infinity') as ends_at,
        max(interval_now.ends_at) filter (where interval_now.ends_at <= %(cut_off)s) as last_end
    from interval_now
    group by interval_now.article_id
),

following as (
    select piece.article_id, min(piece.starts_at) as next_change_at
    from piece
    where piece.starts_at > %(cut_off)s
    group by piece.article_id
),

window_now as materialized (
    select
        piece.article_id,
        anchor.anchor as opens_at,
        case when extent.article_id is null then anchor.anchor else extent.ends_at end as closes_at,
        anchor.site,
        anchor.section,
        anchor.rule_id,
        anchor.reactions_window_hours,
        case
            when not piece.accepted then 'closed'
            when extent.ends_at is null and extent.article_id is not null then 'cannot_close'
            else 'open'
        end as state,
        case
            when extent.last_end is not null then extent.last_end
            when not piece.accepted then anchor.anchor
        end as closed_at,
        piece.cause as reason,
        case
            when extent.article_id is null then anchor.anchor is null
            else extent.intervals > 1 or extent.first_starts_at is distinct from anchor.anchor
        end as has_gaps,
        following.next_change_at
    from piece
    left join anchor on anchor.article_id = piece.article_id
    left join extent on extent.article_id = piece.article_id
    left join following on following.article_id = piece.article_id
    where (piece.starts_at is null or piece.starts_at <= %(cut_off)s)
        and (piece.ends_at is null or piece.ends_at > %(cut_off)s)
),

-- Every part of the statement sees the rows as they were before it: this is the old state.
window_before as (
    select before.article_id, before.state
    from discussion.windows as before
    where before.article_id = any(%(articles)s)
),

window_written as (
    insert into discussion.windows as kept (
        article_id, opens_at, closes_at, reactions_close_at, site, section, rule_id, state, closed_at, reason, has_gaps,
        next_change_at
    )
    select
        window_now.article_id,
        window_now.opens_at,
        window_now.closes_at,
        window_now.closes_at + make_interval(hours => window_now.reactions_window_hours),
        window_now.site,
        window_now.section,
        window_now.rule_id,
        window_now.state,
        window_now.closed_at,
        window_now.reason,
        window_now.has_gaps,
        window_now.next_change_at
    from window_now
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
            changed_at = clock_timestamp()
        where (
            kept.opens_at, kept.closes_at, kept.reactions_close_at, kept.site, kept.section, kept.rule_id, kept.state,
            kept.closed_at, kept.reason, kept.has_gaps, kept.next_change_at
        ) is distinct from (
            excluded.opens_at, excluded.closes_at, excluded.reactions_close_at, excluded.site, excluded.section,
            excluded.rule_id, excluded.state, excluded.closed_at, excluded.reason, excluded.has_gaps,
            excluded.next_change_at
        )
    returning kept.article_id
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
    select interval_now.article_id, interval_now.ordinal, interval_now.starts_at, interval_now.ends_at
    from interval_now
    on conflict (article_id, ordinal) do update
        set starts_at = excluded.starts_at, ends_at = excluded.ends_at
        where (kept.starts_at, kept.ends_at) is distinct from (excluded.starts_at, excluded.ends_at)
    returning kept.article_id
),

changed as materialized (
    select window_written.article_id from window_written
    union
    select interval_removed.article_id from interval_removed
    union
    select interval_written.article_id from interval_written
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select changed.article_id from changed
)

select changed.article_id, window_before.state as state_before, window_now.state as state_now
from changed
left join window_before on window_before.article_id = changed.article_id
left join window_now on window_now.article_id = changed.article_id
