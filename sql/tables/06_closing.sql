-- When a discussion opens and closes: rules, decisions of editors, windows and their intervals.
-- Windows are a function of events, rules and cut-off; nobody edits them by hand.
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
'How long discussions stay open: append-only. Of the rules whose valid_from is at or before the '
'article''s anchor, the narrowest scope decides, then the greatest (valid_from, created_at, '
'rule_id).';
comment on column discussion.closing_rules.rule_id is 'The rule';
comment on column discussion.closing_rules.scope is 'all, site or section; the narrowest wins';
comment on column discussion.closing_rules.site is
'The site. With scope section, null means every site; a rule that names the site beats it';
comment on column discussion.closing_rules.section is 'The section, if scope is section';
comment on column discussion.closing_rules.window_hours is 'Hours from the anchor to the closing';
comment on column discussion.closing_rules.reactions_window_hours is
'Hours after that in which reactions still count';
comment on column discussion.closing_rules.valid_from is
'The rule is for articles whose anchor is at or after this time';
comment on column discussion.closing_rules.created_at is 'When the rule was made';
comment on column discussion.closing_rules.created_by is 'Who made it';
comment on column discussion.closing_rules.note is 'Why the rule was made';
comment on column discussion.closing_rules.retroactive is
'Made for the past on purpose: only then may valid_from be before created_at';

insert into discussion.closing_rules
    (scope, window_hours, reactions_window_hours, valid_from, created_by, note, retroactive)
values (
    'all', 336, 168, '-infinity', 'below-the-line',
    'Default: two weeks, reactions one week longer', true
);

create table discussion.discussion_overrides (
    article_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    action text not null,
    closes_at timestamptz,
    reason text not null,
    decided_by text not null,
    decided_at timestamptz not null,
    check (action in ('close', 'reopen', 'extend', 'clear', 'hold', 'release')),
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.discussion_overrides is
'Every decision of an editor about a discussion: append-only.';
comment on column discussion.discussion_overrides.action is
'close, reopen, extend, clear, hold, release';
comment on column discussion.discussion_overrides.closes_at is
'End of the decision: required for extend, optional for close and reopen';
comment on column discussion.discussion_overrides.reason is 'manual, legal, volume, abuse or other';
comment on column discussion.discussion_overrides.decided_at is 'When the decision takes effect';

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
    comments_changed_at timestamptz,
    reactions_changed_at timestamptz,
    undecided_comments boolean not null default false,
    due_at timestamptz,
    check (state in ('open', 'closed', 'cannot_close')),
    check (
        reason in (
            'rule', 'article', 'extend', 'disabled', 'close', 'reopen', 'unpublished', 'hold',
            'no_publication_time'
        )
    ),
    primary key (article_id)
);

comment on table discussion.windows is
'One row per article that an article or override event named: when its discussion opens and '
'closes, its state at the last cut-off, and which figures are final. Only close_discussions writes '
'it.';
comment on column discussion.windows.opens_at is
'The anchor: least published_at of its versions; null: not known. Comments before it are in time';
comment on column discussion.windows.closes_at is
'End of the last interval; null: no end; opens_at if comments were never accepted';
comment on column discussion.windows.reactions_close_at is
'closes_at plus the rule''s hours for reactions; null: no end, or no rule';
comment on column discussion.windows.site is
'Site that selects the rule: of the version that gave the anchor';
comment on column discussion.windows.section is
'Section that selects the rule: of the same version';
comment on column discussion.windows.rule_id is
'The rule in force at the anchor, even if overridden; null: no anchor';
comment on column discussion.windows.state is
'At the cut-off. closed: accepts no comments; open: accepts them until closes_at; cannot_close: '
'accepts them and no end is known';
comment on column discussion.windows.closed_at is
'Last end of an interval up to the cut-off; opens_at if closed and never open; null: not closed '
'yet';
comment on column discussion.windows.reason is
'What decided the state: rule, article (its own closing time), extend, disabled, close, reopen, '
'unpublished, hold or no_publication_time';
comment on column discussion.windows.has_gaps is
'There is more than one interval from opens_at to closes_at: see window_intervals';
comment on column discussion.windows.next_change_at is
'When state or reason change next without a new event; null: never';
comment on column discussion.windows.final is
'Whether the comment figures are final: the discussion is closed, and BTL_GRACE has passed since '
'it closed and since its comments last changed. A revision may still replace them';
comment on column discussion.windows.reactions_final is
'Whether the reaction figures are final: final is true, and BTL_GRACE has passed since '
'reactions_close_at and since its reactions last changed. A revision may still replace them';
comment on column discussion.windows.revision is
'How often final figures were replaced, as the last closing run saw it';
comment on column discussion.windows.changed_at is
'When this row last changed, due_at and the times of changes apart; not when the discussion did';
comment on column discussion.windows.comments_changed_at is
'When the last change to its comments, seen by a closing run, was ingested; null: none';
comment on column discussion.windows.reactions_changed_at is
'When the last change to its reactions, seen by a closing run, was ingested; null: none';
comment on column discussion.windows.undecided_comments is
'Some comments outside its intervals were posted after a closing that is later than the cut-off: a '
'closing run looks again when it closes';
comment on column discussion.windows.due_at is
'When a closing run must look again without a new event, because it opens, changes state, or '
'something becomes final; null: never';

create index windows_due on discussion.windows (due_at) where due_at is not null;
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
'When comments are in time: starts_at <= posted_at < ends_at of one of its intervals. They are '
'disjoint and in order, from the anchor on.';
comment on column discussion.window_intervals.ordinal is 'Place in the article''s timeline, from 1';
comment on column discussion.window_intervals.starts_at is
'First instant accepted; null: from the beginning, no anchor is known';
comment on column discussion.window_intervals.ends_at is 'First instant not accepted; null: no end';

grant select, insert on discussion.discussion_overrides to btl_ingest;
grant select on discussion.discussion_overrides to btl_scheduler;
grant select, insert on discussion.closing_rules to btl_scheduler;
grant select, insert, update, delete on
    discussion.windows,
    discussion.window_intervals
to btl_scheduler;
