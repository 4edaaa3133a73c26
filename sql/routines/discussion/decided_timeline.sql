-- Cuts time where anything can change (an event takes effect, an announced time is reached). For
-- each cut it finds, per register (settings, status, hold, override), the event of greatest version
-- in force, and decides there: between two cuts nothing changes. Ranks stand for versions, because
-- max(bytea) is not in every supported Postgres. No nested loops: see discussion.report_rounds.
create or replace function discussion.decided_timeline(in_articles text[])
returns table (
    article_id text,
    starts_at timestamptz,
    ends_at timestamptz,
    accepted boolean,
    cause text,
    deciding_event bytea
)
language sql stable
set enable_nestloop = off
set jit = off
as $$
    with recursive anchor as materialized (
        select anchors.article_id, anchors.anchor, anchors.window_hours
        from discussion.anchors(in_articles) as anchors
    ),

    version as materialized (
        select
            article_version.article_id,
            article_version.event_type,
            case article_version.event_type
                when 'unpublished' then article_version.unpublished_at
                else article_version.occurred_at
            end as effective_at,
            coalesce(article_version.discussion_enabled, true) as enabled,
            coalesce(
                article_version.discussion_closes_at,
                anchor.anchor + make_interval(hours => article_version.discussion_window_hours)
            ) as own_close,
            article_version.version as order_key,
            row_number() over (
                partition by article_version.article_id order by article_version.version
            ) as rank
        from discussion.article_versions as article_version
        left join anchor on anchor.article_id = article_version.article_id
        where article_version.article_id = any(in_articles)
    ),

    decision as materialized (
        select
            override.article_id,
            override.action,
            override.version as order_key,
            override.decided_at,
            case override.action
                when 'close' then greatest(override.decided_at, override.closes_at)
                else override.decided_at
            end as effective_at,
            override.closes_at,
            row_number() over (partition by override.article_id order by override.version) as rank
        from discussion.discussion_overrides as override
        where override.article_id = any(in_articles)
    ),

    -- For each extend: what was in force when it was decided; for one that followed an extend,
    -- what that one met.
    met (article_id, rank, met_rank, met_action, met_decided_at) as (
        select
            decision.article_id,
            decision.rank,
            decision.rank,
            decision.action,
            decision.decided_at
        from decision
        where decision.action = 'extend'
        union all
        select met.article_id, met.rank, earlier.rank, earlier.action, earlier.decided_at
        from met
        cross join lateral (
            select decision.rank, decision.action, decision.decided_at
            from decision
            where decision.article_id = met.article_id
                and decision.rank < met.met_rank
                and decision.action in ('close', 'reopen', 'extend', 'clear')
                and decision.effective_at <= met.met_decided_at
            order by decision.rank desc
            limit 1
        ) as earlier
        where met.met_action = 'extend'
    ),

    -- An extend that met a close or a reopen acts as a reopen; any other one moves the base close.
    reopening_extend as (
        select met.article_id, met.rank
        from met
        where met.met_action in ('close', 'reopen')
    ),

    extension as (
        select
            latest.article_id,
            latest.closes_at,
            latest.order_key,
            (
                select min(clearing.decided_at)
                from decision as clearing
                where clearing.article_id = latest.article_id
                    and clearing.rank > latest.rank
                    and clearing.action = 'clear'
            ) as ended_at
        from (
            select distinct on (decision.article_id)
                decision.article_id,
                decision.rank,
                decision.closes_at,
                decision.order_key
            from decision
            left join reopening_extend
                on reopening_extend.article_id = decision.article_id
                and reopening_extend.rank = decision.rank
            where decision.action = 'extend' and reopening_extend.rank is null
            order by decision.article_id, decision.rank desc
        ) as latest
    ),

    known as (
        select version.article_id from version
        union
        select decision.article_id from decision
    ),

    cut (article_id, at, settings_rank, status_rank, hold_rank, override_rank) as (
        select
            known.article_id,
            '-infinity'::timestamptz,
            null::bigint,
            null::bigint,
            null::bigint,
            null::bigint
        from known
        union all
        select
            version.article_id,
            version.effective_at,
            case when version.event_type != 'unpublished' then version.rank end,
            case when version.event_type != 'updated' then version.rank end,
            null,
            null
        from version
        union all
        select
            decision.article_id,
            decision.effective_at,
            null,
            null,
            case when decision.action in ('hold', 'release') then decision.rank end,
            case when decision.action not in ('hold', 'release') then decision.rank end
        from decision
        union all
        select version.article_id, version.own_close, null, null, null, null
        from version
        where version.own_close is not null
        union all
        select decision.article_id, decision.closes_at, null, null, null, null
        from decision
        where decision.closes_at is not null
        union all
        select
            anchor.article_id,
            anchor.anchor + make_interval(hours => anchor.window_hours),
            null,
            null,
            null,
            null
        from anchor
    ),

    in_force as (
        select
            cut.article_id,
            cut.at,
            max(max(cut.settings_rank)) over so_far as settings_rank,
            max(max(cut.status_rank)) over so_far as status_rank,
            max(max(cut.hold_rank)) over so_far as hold_rank,
            max(max(cut.override_rank)) over so_far as override_rank
        from cut
        group by cut.article_id, cut.at
        window so_far as (partition by cut.article_id order by cut.at)
    ),

    decided as (
        select
            in_force.article_id,
            in_force.at,
            case
                when hold.action = 'hold' then 'hold'
                when status.event_type = 'unpublished' then 'unpublished'
                when override.action in ('close', 'reopen') then override.action
                when reopening_extend.rank is not null then 'reopen'
                when not settings.enabled then 'disabled'
                when
                    in_force.at < coalesce(extension.ended_at, 'infinity')
                    and extension.closes_at is not null
                    then 'extend'
                when settings.own_close is not null then 'article'
                when anchor.window_hours is not null then 'rule'
                else 'no_publication_time'
            end as cause,
            case
                when override.action in ('reopen', 'extend')
                    then coalesce(override.closes_at, 'infinity')
            end as reopened_until,
            coalesce(
                case
                    when in_force.at < coalesce(extension.ended_at, 'infinity')
                        then extension.closes_at
                end,
                settings.own_close,
                anchor.anchor + make_interval(hours => anchor.window_hours),
                'infinity'
            ) as base_close,
            hold.order_key as hold_key,
            status.order_key as status_key,
            override.order_key as override_key,
            settings.order_key as settings_key,
            extension.order_key as extension_key
        from in_force
        left join anchor on anchor.article_id = in_force.article_id
        left join version as settings
            on settings.article_id = in_force.article_id and settings.rank = in_force.settings_rank
        left join version as status
            on status.article_id = in_force.article_id and status.rank = in_force.status_rank
        left join decision as hold
            on hold.article_id = in_force.article_id and hold.rank = in_force.hold_rank
        left join decision as override
            on override.article_id = in_force.article_id and override.rank = in_force.override_rank
        left join reopening_extend
            on reopening_extend.article_id = override.article_id
            and reopening_extend.rank = override.rank
        left join extension on extension.article_id = in_force.article_id
    ),

    segment as (
        select
            decided.article_id,
            decided.at,
            decided.cause,
            case decided.cause
                when 'reopen' then decided.at < decided.reopened_until
                when 'extend' then decided.at < decided.base_close
                when 'article' then decided.at < decided.base_close
                when 'rule' then decided.at < decided.base_close
                else decided.cause = 'no_publication_time'
            end as accepted,
            case decided.cause
                when 'hold' then decided.hold_key
                when 'unpublished' then decided.status_key
                when 'close' then decided.override_key
                when 'reopen' then decided.override_key
                when 'extend' then decided.extension_key
                when 'disabled' then decided.settings_key
                when 'article' then decided.settings_key
            end as deciding_event
        from decided
    ),

    turning_point as (
        select
            segment.*,
            lag(segment.accepted) over in_order is distinct from segment.accepted
            or lag(segment.cause) over in_order is distinct from segment.cause
            or lag(segment.deciding_event) over in_order is distinct from segment.deciding_event
                as turns
        from segment
        window in_order as (partition by segment.article_id order by segment.at)
    )

    select
        turning_point.article_id,
        nullif(turning_point.at, '-infinity'),
        lead(turning_point.at) over (
            partition by turning_point.article_id order by turning_point.at
        ),
        turning_point.accepted,
        turning_point.cause,
        turning_point.deciding_event
    from turning_point
    where turning_point.turns
$$;

comment on function discussion.decided_timeline is
'When the given articles accept comments, what decides that, and which event does (its order key; '
'null: a rule, or nothing): half-open pieces in order, from the beginning to the end of time. The '
'one definition of when a discussion is open.';

grant execute on function discussion.decided_timeline to btl_scheduler, btl_moderator;
