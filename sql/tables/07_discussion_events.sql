-- What happened to discussions, and what was published about it.
create table discussion.state_changes (
    change_id bigint generated always as identity,
    article_id text collate "C" not null,
    effective_at timestamptz not null,
    change text not null,
    reason text not null,
    rule_id bigint,
    deciding_event bytea,
    recorded_at timestamptz not null default clock_timestamp(),
    superseded_at timestamptz,
    check (change in ('opened', 'closed', 'reopened', 'stays_open', 'stays_closed')),
    primary key (change_id)
);

comment on table discussion.state_changes is
'Every change of a discussion''s state, or of what decides it, up to the last cut-off. Rows that '
'are not superseded are a function of events, rules and cut-off. Superseded rows show what was '
'believed before an event arrived late.';
comment on column discussion.state_changes.change_id is 'Order of recording';
comment on column discussion.state_changes.effective_at is
'When it took effect; without a publication time: time of the first event that named the article';
comment on column discussion.state_changes.change is
'opened, closed, reopened; stays_open or stays_closed: only the reason changed';
comment on column discussion.state_changes.reason is
'What decides from then on: rule, article, extend, disabled, close, reopen, unpublished, hold or '
'no_publication_time';
comment on column discussion.state_changes.rule_id is 'The rule, if a rule decides';
comment on column discussion.state_changes.deciding_event is
'Version (order key) of the event that decides; null: a rule decides, or nothing';
comment on column discussion.state_changes.recorded_at is 'When a closing run found it';
comment on column discussion.state_changes.superseded_at is
'When a closing run found that this is not true; null: it is true';

create index state_changes_effective
on discussion.state_changes (article_id, effective_at) where superseded_at is null;
create index state_changes_superseded
on discussion.state_changes (article_id) where superseded_at is not null;

create table discussion.told_events (
    article_id text collate "C" not null,
    sequence bigint not null,
    event_id uuid not null,
    event_type text not null,
    comment_id text collate "C",
    effective_at timestamptz not null,
    suppressed boolean not null,
    unique (event_id),
    primary key (article_id, sequence)
);

comment on table discussion.told_events is
'What was published about each discussion: one row per event that was ever in ingest.outbox. Kept '
'for good, so that nothing is published twice and a changed decision is noticed.';
comment on column discussion.told_events.comment_id is 'The comment that it is about, if any';
comment on column discussion.told_events.suppressed is 'Recorded but not sent: it was too old';

create table ingest.outbox (
    outbox_id bigint generated always as identity,
    article_id text collate "C" not null,
    sequence bigint not null,
    event_id uuid not null,
    event_type text not null,
    comment_id text collate "C",
    effective_at timestamptz not null,
    cause text not null,
    data jsonb not null,
    status text not null default 'pending',
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    unique (article_id, sequence),
    unique (event_id),
    check (status in ('pending', 'sent', 'suppressed')),
    primary key (outbox_id)
);

comment on table ingest.outbox is
'Events to publish to discussion-events, written in the transaction of the change that they '
'report. Rows that are not pending may be deleted: discussion.told_events keeps them.';
comment on column ingest.outbox.outbox_id is 'Order of writing';
comment on column ingest.outbox.event_id is
'CloudEvents id: uuid5 of type, article_id, comment_id, effective_at and cause';
comment on column ingest.outbox.comment_id is 'The comment that it is about, if any';
comment on column ingest.outbox.cause is
'Which kind of rule or event caused it; "…; after 4": it corrects event 4 of the article';
comment on column ingest.outbox.data is 'Data of the event';
comment on column ingest.outbox.status is
'pending; sent; suppressed: not sent, took effect more than seven days before the cut-off';
comment on column ingest.outbox.created_at is 'When it was written';
comment on column ingest.outbox.sent_at is 'When the broker acknowledged it';

create index outbox_pending on ingest.outbox (outbox_id) where status = 'pending';

grant select, insert on discussion.told_events to btl_scheduler;
grant select, insert, update on discussion.state_changes to btl_scheduler;
grant select, insert, update, delete on ingest.outbox to btl_scheduler;
