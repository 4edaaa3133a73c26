-- The window of an article as events and rules have it now, whatever the last closing run stored.
-- Parameters: article, cut_off. Grain: one row, if an article or override event named the article.
-- Reads only.
with decided as materialized (
    select piece.starts_at, piece.ends_at, piece.accepted
    from discussion.decided_timeline(array[%(article)s]) as piece
)

select window_at.closes_at, window_at.closed_at, window_at.state, window_at.open_during as intervals
from (
    select
        range_agg(tstzrange(decided.starts_at, decided.ends_at))
        filter (where decided.accepted) as accepted_during,
        bool_or(decided.accepted) filter (
            where tstzrange(decided.starts_at, decided.ends_at) @> %(cut_off)s::timestamptz
        ) as is_accepted
    from decided
    having count(*) > 0
) as found
left join discussion.anchors(array[%(article)s]) as anchors on true
cross join lateral discussion.window_at(
    found.accepted_during, anchors.anchor, found.is_accepted, %(cut_off)s
) as window_at
