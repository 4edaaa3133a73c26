-- When a discussion opens and closes: rules, windows, their intervals, the barriers behind which windows are applied,
-- and the timeline as one function. Windows are a function of (events, rules, cut-off); nobody edits them by hand.
set local role btl_owner;

create table discussion.closing_rules (
    rule_id bigint generated always as identity,
    scope text not null,
    site text collate "C",
    section text collate "C",
    window_hours integer not null,
    reactions_window_hours integer not null,
    valid_from timestamptz not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    note text,
    retroactive boolean not null default false,
    check (scope in ('all', 'site', 'section')),
    check ((scope = 'all') = (site is null and section is null)),
    check ((scope = 'section') = (section is not null)),
    check (scope != 'site' or site is not null),
    check (window_hours between 1 and 87600),
    check (reactions_window_hours between 0 and 87600),
    check (retroactive or valid_from >= created_at),
    primary key (rule_id)
);

comment on table discussion.closing_rules is
'How long discussions stay open: append-only. In force is, of the narrowest scope that matches, the greatest (valid_from, created_at, rule_id) with valid_from at or before the article''s anchor.';
comment on column discussion.closing_rules.rule_id is
'The rule';
comment on column discussion.closing_rules.scope is
'all, site or section: section beats site beats all';
comment on column discussion.closing_rules.site is
'The site, of scope site; of scope section null means every site, and a rule that names the site beats it';
comment on column discussion.closing_rules.section is
'The section, of scope section';
comment on column discussion.closing_rules.window_hours is
'Comments close this many hours after the anchor';
comment on column discussion.closing_rules.reactions_window_hours is
'Reactions count this many hours longer than comments';
comment on column discussion.closing_rules.valid_from is
'For articles whose anchor is at or after this time';
comment on column discussion.closing_rules.created_at is
'When the rule was made';
comment on column discussion.closing_rules.created_by is
'Who made it';
comment on column discussion.closing_rules.note is
'Why';
comment on column discussion.closing_rules.retroactive is
'Made on purpose to hold for the past: only then may valid_from be before created_at';

insert into discussion.closing_rules
    (scope, window_hours, reactions_window_hours, valid_from, created_by, note, retroactive)
values ('all', 336, 168, '-infinity', 'below-the-line', 'Default: two weeks, reactions one week longer', true);

create table discussion.windows (
    article_id text collate "C" not null,
    opens_at timestamptz,
    closes_at timestamptz,
    reactions_close_at timestamptz,
    site text collate "C",
    section text collate "C",
    rule_id bigint,
    state text not null,
    closed_at timestamptz,
    reason text not null,
    has_gaps boolean not null,
    next_change_at timestamptz,
    final boolean not null default false,
    reactions_final boolean not null default false,
    revision integer not null default 0,
    changed_at timestamptz not null default clock_timestamp(),
    check (state in ('open', 'closed', 'cannot_close')),
    check (
        reason in (
            'rule', 'article', 'extend', 'disabled', 'close', 'reopen', 'unpublished', 'hold', 'no_publication_time'
        )
    ),
    primary key (article_id)
);

comment on table discussion.windows is
'One row per article that an article or override event named: when its discussion opens and closes, and its state at the last cut-off. Written by close_discussions alone.';
comment on column discussion.windows.article_id is
'The article, as its publisher names it';
comment on column discussion.windows.opens_at is
'The anchor: least published_at of its versions; null: none known. A comment posted before it counts as in time';
comment on column discussion.windows.closes_at is
'End of the last interval; null: without end; opens_at if comments were never accepted';
comment on column discussion.windows.reactions_close_at is
'closes_at and the rule''s time for reactions; null: without end, or no rule';
comment on column discussion.windows.site is
'Site of the version that gave the anchor: chooses the rule';
comment on column discussion.windows.section is
'Section of the version that gave the anchor: chooses the rule';
comment on column discussion.windows.rule_id is
'The rule in force at the anchor, also when the article or an editor overrides it; null: no anchor';
comment on column discussion.windows.state is
'At the cut-off. closed: comments are not accepted; cannot_close: accepted, with no end in sight; open: accepted, until closes_at';
comment on column discussion.windows.closed_at is
'Last end of an interval at or before the cut-off; opens_at if closed and never open before; null: not closed yet';
comment on column discussion.windows.reason is
'What decided the state: rule, article (its own closing time), extend, disabled, close, reopen, unpublished, hold or no_publication_time';
comment on column discussion.windows.has_gaps is
'Its intervals are not just one from opens_at to closes_at: look into window_intervals';
comment on column discussion.windows.next_change_at is
'When state or reason change next if nothing else happens; null: never';
comment on column discussion.windows.final is
'The comment figures no longer change unless a revision says so';
comment on column discussion.windows.reactions_final is
'The reaction figures no longer change unless a revision says so';
comment on column discussion.windows.revision is
'How often final figures were replaced';
comment on column discussion.windows.changed_at is
'When this row last changed (not when the discussion did)';

create index windows_due on discussion.windows (next_change_at) where next_change_at is not null;
create index windows_cannot_close on discussion.windows (article_id) where state = 'cannot_close';

create table discussion.window_intervals (
    article_id text collate "C" not null,
    ordinal integer not null,
    starts_at timestamptz,
    ends_at timestamptz,
    check (ordinal >= 1),
    check (starts_at < ends_at),
    primary key (article_id, ordinal)
);

comment on table discussion.window_intervals is
'When comments are in time: starts_at <= posted_at < ends_at of one of its intervals. Disjoint, in order, from the anchor on.';
comment on column discussion.window_intervals.article_id is
'The article, as its publisher names it';
comment on column discussion.window_intervals.ordinal is
'Place in the article''s timeline, from 1';
comment on column discussion.window_intervals.starts_at is
'First instant accepted; null: no anchor is known, from the beginning';
comment on column discussion.window_intervals.ends_at is
'First instant no longer accepted; null: without end';

create table ingest.barriers (
    barrier_id bigint generated always as identity,
    attempt_id text not null,
    run_id text not null,
    consumer_group text collate "C" not null,
    taken_at timestamptz not null,
    cut_off timestamptz not null,
    passed_at timestamptz,
    applied_at timestamptz,
    unique (attempt_id),
    primary key (barrier_id)
);

comment on table ingest.barriers is
'One row per attempt to close discussions: everything produced before taken_at is in the tables once it has passed.';
comment on column ingest.barriers.barrier_id is
'The barrier';
comment on column ingest.barriers.attempt_id is
'The attempt (task instance) that took it: its later looks find it again by this';
comment on column ingest.barriers.run_id is
'The run that it belongs to, for people';
comment on column ingest.barriers.consumer_group is
'Whose positions are compared';
comment on column ingest.barriers.taken_at is
'T: the database''s clock, read before the end offsets were asked for';
comment on column ingest.barriers.cut_off is
'taken_at less BTL_CLOSE_DELAY: windows are applied up to here';
comment on column ingest.barriers.passed_at is
'When all partitions were seen to have passed; null: not yet';
comment on column ingest.barriers.applied_at is
'When windows were applied up to cut_off; null: not yet';

create index barriers_passed on ingest.barriers (taken_at) where passed_at is not null;
create index barriers_applied on ingest.barriers (cut_off) where applied_at is not null;

create table ingest.barrier_offsets (
    barrier_id bigint not null,
    topic text collate "C" not null,
    partition integer not null,
    topic_id uuid not null,
    log_start_offset bigint not null,
    end_offset bigint not null,
    primary key (barrier_id, topic, partition)
);

comment on table ingest.barrier_offsets is
'How far each partition reached when its barrier was taken.';
comment on column ingest.barrier_offsets.barrier_id is
'The barrier';
comment on column ingest.barrier_offsets.topic is
'The topic';
comment on column ingest.barrier_offsets.partition is
'The partition';
comment on column ingest.barrier_offsets.topic_id is
'Kafka''s id of the topic: positions of an earlier topic of that name do not count';
comment on column ingest.barrier_offsets.log_start_offset is
'First offset still kept; equal to end_offset: the partition is empty';
comment on column ingest.barrier_offsets.end_offset is
'Last stable offset (read_committed): next_offset must reach it';

create function discussion.anchors(in_articles text[])
returns table (
    article_id text,
    anchor timestamptz,
    site text,
    section text,
    rule_id bigint,
    window_hours integer,
    reactions_window_hours integer
)
language sql stable
as $$
    select
        first_version.article_id,
        first_version.published_at,
        first_version.site,
        first_version.section,
        rule.rule_id,
        rule.window_hours,
        rule.reactions_window_hours
    from (
        select distinct on (version.article_id)
            version.article_id,
            version.published_at,
            coalesce(version.site, 'default') as site,
            version.section
        from discussion.article_versions as version
        where version.article_id = any(in_articles)
            and version.event_type in ('published', 'updated')
            and version.published_at is not null
        order by version.article_id, version.published_at, version.version
    ) as first_version
    left join lateral (
        select candidate.rule_id, candidate.window_hours, candidate.reactions_window_hours
        from discussion.closing_rules as candidate
        where candidate.valid_from <= first_version.published_at
            and (candidate.site is null or candidate.site = first_version.site)
            and (candidate.section is null or candidate.section = first_version.section)
        order by
            (candidate.section is not null) desc,
            (candidate.site is not null) desc,
            candidate.valid_from desc,
            candidate.created_at desc,
            candidate.rule_id desc
        limit 1
    ) as rule on true
$$;

comment on function discussion.anchors is
'Anchor (least published_at), the site and section of the version that gave it, and the rule in force; no row for an article without a publication time.';

-- The timeline cuts time where anything can change (an event takes effect, an announced time is reached), finds for each
-- cut the event of greatest version in force in each register (settings, status, hold, override), and decides there:
-- between two cuts nothing changes. Ranks stand for versions, because max(bytea) is not in every supported Postgres.
-- No nested loops: see discussion.report_rounds.
create function discussion.timeline(in_articles text[])
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
            override.version,
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

    -- For each extend: what was in force when it was decided. Behind another extend stands what that one met.
    met (article_id, rank, met_rank, met_action, met_decided_at) as (
        select decision.article_id, decision.rank, decision.rank, decision.action, decision.decided_at
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
            (
                select min(clearing.decided_at)
                from decision as clearing
                where clearing.article_id = latest.article_id
                    and clearing.rank > latest.rank
                    and clearing.action = 'clear'
            ) as ended_at
        from (
            select distinct on (decision.article_id) decision.article_id, decision.rank, decision.closes_at
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
        select known.article_id, '-infinity'::timestamptz, null::bigint, null::bigint, null::bigint, null::bigint
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
        select anchor.article_id, anchor.anchor + make_interval(hours => anchor.window_hours), null, null, null, null
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

    judged as (
        select
            in_force.article_id,
            in_force.at,
            case
                when hold.action = 'hold' then 'hold'
                when status.event_type = 'unpublished' then 'unpublished'
                when override.action in ('close', 'reopen') then override.action
                when reopening_extend.rank is not null then 'reopen'
                when not settings.enabled then 'disabled'
                when in_force.at < coalesce(extension.ended_at, 'infinity') and extension.closes_at is not null
                    then 'extend'
                when settings.own_close is not null then 'article'
                when anchor.window_hours is not null then 'rule'
                else 'no_publication_time'
            end as cause,
            case
                when override.action in ('reopen', 'extend') then coalesce(override.closes_at, 'infinity')
            end as reopened_until,
            coalesce(
                case when in_force.at < coalesce(extension.ended_at, 'infinity') then extension.closes_at end,
                settings.own_close,
                anchor.anchor + make_interval(hours => anchor.window_hours),
                'infinity'
            ) as base_close
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
            on reopening_extend.article_id = override.article_id and reopening_extend.rank = override.rank
        left join extension on extension.article_id = in_force.article_id
    ),

    segment as (
        select
            judged.article_id,
            judged.at,
            judged.cause,
            case judged.cause
                when 'reopen' then judged.at < judged.reopened_until
                when 'extend' then judged.at < judged.base_close
                when 'article' then judged.at < judged.base_close
                when 'rule' then judged.at < judged.base_close
                else judged.cause = 'no_publication_time'
            end as accepted
        from judged
    ),

    turning_point as (
        select
            segment.*,
            lag(segment.accepted) over in_order is distinct from segment.accepted
            or lag(segment.cause) over in_order is distinct from segment.cause as turns
        from segment
        window in_order as (partition by segment.article_id order by segment.at)
    )

    select
        turning_point.article_id,
        nullif(turning_point.at, '-infinity'),
        lead(turning_point.at) over (partition by turning_point.article_id order by turning_point.at),
        turning_point.accepted,
        turning_point.cause
    from turning_point
    where turning_point.turns
$$;

comment on function discussion.timeline is
'When the given articles accept comments, from the beginning to the end of time, and what decides it: half-open pieces in order. The one definition, used by the closing run and the views.';

create view discussion.cannot_close as
select
    closing_window.article_id,
    closing_window.opens_at,
    closing_window.reason,
    closing_window.changed_at as since,
    article.site,
    article.section,
    article.headline,
    article.url
from discussion.windows as closing_window
left join discussion.articles as article on article.article_id = closing_window.article_id
where closing_window.state = 'cannot_close';

comment on view discussion.cannot_close is
'Discussions that accept comments with no end in sight, and why: no publication time is known, or an editor reopened them without one.';
comment on column discussion.cannot_close.article_id is
'The article, as its publisher names it';
comment on column discussion.cannot_close.opens_at is
'Its anchor, if known';
comment on column discussion.cannot_close.reason is
'no_publication_time, or reopen';
comment on column discussion.cannot_close.since is
'When this was found';
comment on column discussion.cannot_close.site is
'The site it belongs to';
comment on column discussion.cannot_close.section is
'Its section';
comment on column discussion.cannot_close.headline is
'Its headline';
comment on column discussion.cannot_close.url is
'Where the article is read';

-- A new rule marks the articles that it may concern. It waits for a closing run under way (same lock), whose windows it
-- could not see.
create function discussion.mark_articles_of_rule() returns trigger
language plpgsql
as $$
begin
    perform pg_advisory_xact_lock(7170102);
    insert into ingest.dirty_windows (article_id)
    select closing_window.article_id
    from discussion.windows as closing_window
    where closing_window.opens_at >= new.valid_from
        and (new.site is null or closing_window.site = new.site)
        and (new.section is null or closing_window.section = new.section);
    return null;
end
$$;

comment on function discussion.mark_articles_of_rule is
'Marks the windows that a new rule may change, for the next closing run.';

create trigger mark_articles_of_rule after insert on discussion.closing_rules
for each row execute function discussion.mark_articles_of_rule();

grant select, insert on discussion.closing_rules to btl_scheduler;
grant select, insert, update, delete on discussion.windows, discussion.window_intervals to btl_scheduler;
grant select, insert, update, delete on ingest.barriers, ingest.barrier_offsets to btl_scheduler;
grant select on discussion.cannot_close to btl_scheduler, btl_moderator;
grant execute on function discussion.anchors, discussion.timeline to btl_scheduler;
