-- Runs as its owner: a moderator may see this list, but not the tables that it is made of.
create or replace function discussion.endless_discussions()
returns table (
    article_id text,
    reason text,
    since timestamptz,
    decided_by text,
    decision_reason text
)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    with endless as materialized (
        select coalesce(array_agg(closing_window.article_id), '{}') as articles
        from discussion.windows as closing_window
        where closing_window.state = 'cannot_close'
    ),

    piece as materialized (
        select decided.article_id, decided.starts_at, decided.cause, decided.deciding_event
        from endless
        cross join lateral discussion.decided_timeline(endless.articles) as decided
        where decided.ends_at is null and decided.accepted
    ),

    -- What has no beginning in time began to be known by an event.
    first_event as (
        select named.article_id, min(named.occurred_at) as occurred_at
        from (
            select article_version.article_id, article_version.occurred_at
            from endless
            inner join discussion.article_versions as article_version
                on article_version.article_id = any(endless.articles)
            union all
            select override.article_id, override.occurred_at
            from endless
            inner join discussion.discussion_overrides as override
                on override.article_id = any(endless.articles)
        ) as named
        group by named.article_id
    )

    select
        piece.article_id,
        piece.cause,
        coalesce(piece.starts_at, first_event.occurred_at),
        override.decided_by,
        override.reason
    from piece
    inner join first_event on first_event.article_id = piece.article_id
    left join discussion.discussion_overrides as override
        on override.article_id = piece.article_id and override.version = piece.deciding_event
$$;

comment on function discussion.endless_discussions is
'For discussions in state cannot_close: what decides that they have no end, since when, and who '
'decided it. Leaves out those that an event has ended since the last closing run.';

grant execute on function discussion.endless_discussions to btl_scheduler, btl_moderator;
