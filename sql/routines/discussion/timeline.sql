-- For readers that need state and cause, not the deciding event.
create or replace function discussion.timeline(in_articles text[])
returns table (
    article_id text,
    starts_at timestamptz,
    ends_at timestamptz,
    accepted boolean,
    cause text
)
language sql stable
set enable_nestloop = off
set jit = off
as $$
    with turning_point as (
        select
            piece.article_id,
            piece.starts_at,
            piece.accepted,
            piece.cause,
            lag(piece.accepted) over in_order is distinct from piece.accepted
            or lag(piece.cause) over in_order is distinct from piece.cause as turns
        from discussion.decided_timeline(in_articles) as piece
        window in_order as (partition by piece.article_id order by piece.starts_at nulls first)
    )

    select
        turning_point.article_id,
        turning_point.starts_at,
        lead(turning_point.starts_at) over (
            partition by turning_point.article_id order by turning_point.starts_at nulls first
        ),
        turning_point.accepted,
        turning_point.cause
    from turning_point
    where turning_point.turns
$$;

comment on function discussion.timeline is
'discussion.decided_timeline in larger pieces: one ends only when state or cause change, not when '
'another event decides the same.';

grant execute on function discussion.timeline to btl_scheduler, btl_moderator;
