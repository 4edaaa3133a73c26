-- What closing runs tell: the history of each discussion, the ledger of what was told, and which figures are final.
set local role btl_owner;

create table ingest.dirty_discussions (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    what text not null,
    marked_at timestamptz not null default clock_timestamp(),
    check (what in ('comments', 'reactions')),
    primary key (mark_id)
);

comment on table ingest.dirty_discussions is
'Articles under which comments or reactions changed: an insert-only log. A closing run takes the marks, looks for late comments, and puts off what is final. Marks of articles that no article event has named yet stay.';
comment on column ingest.dirty_discussions.mark_id is
'Order of marking';
comment on column ingest.dirty_discussions.article_id is
'The article, as its publisher names it';
comment on column ingest.dirty_discussions.what is
'comments (postings, edits, deletions, decisions) or reactions';
comment on column ingest.dirty_discussions.marked_at is
'When the change was ingested';

create index dirty_discussions_by_article on ingest.dirty_discussions (article_id);

alter table ingest.barriers add column grace_seconds integer not null default 3600;
comment on column ingest.barriers.grace_seconds is
'BTL_GRACE when it was taken: so long after the last change figures become final';

-- Behind a barrier that has passed everything is there, whether a run has finished behind it or not.
drop index ingest.barriers_applied;
create index barriers_cut_off on ingest.barriers (cut_off) where passed_at is not null;

alter table discussion.windows
add column comments_changed_at timestamptz,
add column reactions_changed_at timestamptz,
add column undecided_comments boolean not null default false,
add column due_at timestamptz;

comment on table discussion.windows is
'One row per article that an article or override event named: when its discussion opens and closes, its state at the last cut-off, and what of its figures is final. Written by close_discussions alone.';
comment on column discussion.windows.final is
'Closed, and BTL_GRACE has passed since the later of closing and the last change to its comments: the comment figures no longer change unless a revision says so';
comment on column discussion.windows.reactions_final is
'final, and BTL_GRACE has passed since the later of reactions_close_at and the last change to its reactions: the reaction figures no longer change unless a revision says so';
comment on column discussion.windows.revision is
'How often final figures were replaced, as of the last closing run that looked at it';
comment on column discussion.windows.changed_at is
'When this row last changed (not when the discussion did; marks and due_at apart)';
comment on column discussion.windows.comments_changed_at is
'When the last change to its comments was ingested that a closing run has seen; null: none';
comment on column discussion.windows.reactions_changed_at is
'The same for reactions';
comment on column discussion.windows.undecided_comments is
'There are comments outside its intervals that were posted after a closing later than the cut-off: looked at again when it closes';
comment on column discussion.windows.due_at is
'When a closing run must look again if nothing else happens: it opens, changes state, or something becomes final; null: never';

drop index discussion.windows_due;
create index windows_due on discussion.windows (due_at) where due_at is not null;

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
'Every change of a discussion''s state or of what decides it, up to the last cut-off. Those not superseded are a function of events, rules and cut-off; superseded ones are what was believed before an event arrived late.';
comment on column discussion.state_changes.change_id is
'Order of recording';
comment on column discussion.state_changes.article_id is
'The article, as its publisher names it';
comment on column discussion.state_changes.effective_at is
'When it took effect; without any publication time: when the first event that named the article occurred';
comment on column discussion.state_changes.change is
'opened, closed, reopened; stays_open or stays_closed: only what decides it changed';
comment on column discussion.state_changes.reason is
'What decides from then on: rule, article, extend, disabled, close, reopen, unpublished, hold or no_publication_time';
comment on column discussion.state_changes.rule_id is
'The rule, where a rule decides';
comment on column discussion.state_changes.deciding_event is
'Version (order key) of the event that decides; null: a rule, or nothing';
comment on column discussion.state_changes.recorded_at is
'When a closing run found it';
comment on column discussion.state_changes.superseded_at is
'When a closing run found that it never was so; null: it holds';

create index state_changes_effective on discussion.state_changes (article_id, effective_at) where superseded_at is null;
create index state_changes_superseded on discussion.state_changes (article_id) where superseded_at is not null;

create view discussion.discussion_history as
select
    state_change.article_id,
    state_change.effective_at,
    state_change.change,
    state_change.change in ('opened', 'reopened', 'stays_open') as accepts_comments,
    state_change.reason,
    state_change.rule_id,
    rule.created_by as rule_created_by,
    rule.note as rule_note,
    event.source as event_source,
    event.event_id,
    override.action as override_action,
    override.decided_by,
    override.reason as decision_reason,
    state_change.recorded_at,
    state_change.superseded_at
from discussion.state_changes as state_change
left join discussion.closing_rules as rule on rule.rule_id = state_change.rule_id
left join lateral ingest.event_of(state_change.deciding_event) as event on true
left join discussion.discussion_overrides as override
    on override.article_id = state_change.article_id
    and override.source = event.source
    and override.event_id = event.event_id
    and override.digest = event.digest;

comment on view discussion.discussion_history is
'What happened to a discussion, when, why, and by which rule, event or editor; superseded_at is null for what holds.';
comment on column discussion.discussion_history.article_id is
'The article, as its publisher names it';
comment on column discussion.discussion_history.effective_at is
'When it took effect; without any publication time: when the first event that named the article occurred';
comment on column discussion.discussion_history.change is
'opened, closed, reopened; stays_open or stays_closed: only what decides it changed';
comment on column discussion.discussion_history.accepts_comments is
'Whether comments are accepted from then on';
comment on column discussion.discussion_history.reason is
'What decides from then on: rule, article, extend, disabled, close, reopen, unpublished, hold or no_publication_time';
comment on column discussion.discussion_history.rule_id is
'The rule, where a rule decides';
comment on column discussion.discussion_history.rule_created_by is
'Who made the rule';
comment on column discussion.discussion_history.rule_note is
'Why the rule was made';
comment on column discussion.discussion_history.event_source is
'CloudEvents source of the event that decides, if one does';
comment on column discussion.discussion_history.event_id is
'CloudEvents id of that event';
comment on column discussion.discussion_history.override_action is
'What the editor did, if an editor decided';
comment on column discussion.discussion_history.decided_by is
'Who decided';
comment on column discussion.discussion_history.decision_reason is
'Why: manual, legal, volume, abuse or other';
comment on column discussion.discussion_history.recorded_at is
'When a closing run found it';
comment on column discussion.discussion_history.superseded_at is
'When a closing run found that it never was so, because an event arrived late; null: it holds';

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
'What was told about each discussion: one row per event that ever was in ingest.outbox, kept for good, so that nothing is told twice and a changed mind is noticed.';
comment on column discussion.told_events.article_id is
'The article, as its publisher names it';
comment on column discussion.told_events.sequence is
'Order within the article, from 1';
comment on column discussion.told_events.event_id is
'CloudEvents id of the event';
comment on column discussion.told_events.event_type is
'Type of the event';
comment on column discussion.told_events.comment_id is
'The comment it is about, if any';
comment on column discussion.told_events.effective_at is
'When the change took effect';
comment on column discussion.told_events.suppressed is
'Written down, but not sent: it was too old';

drop index ingest.outbox_pending;
create index outbox_pending on ingest.outbox (outbox_id) where status = 'pending';
comment on table ingest.outbox is
'Events to publish to discussion-events, written in the transaction of the change that they tell. Rows that are not pending may be removed: discussion.told_events remembers.';
comment on column ingest.outbox.cause is
'Which kind of rule or event caused it; "…; after 4": it takes back what event 4 of the article told';
comment on column ingest.outbox.status is
'pending; sent; suppressed: not sent, the change took effect more than seven days before the cut-off';

create table metrics.article_engagement_revisions (
    like metrics.article_engagement,
    replaced_at timestamptz not null default clock_timestamp(),
    primary key (article_id, revision)
);

comment on table metrics.article_engagement_revisions is
'Rows of article_engagement whose final figures were replaced later, as they were; revision counts from 0.';
comment on column metrics.article_engagement_revisions.article_id is
'The article, as its publisher names it';
comment on column metrics.article_engagement_revisions.comments_submitted is
'All comments posted, late and held ones included';
comment on column metrics.article_engagement_revisions.comments_published is
'Comments in time that were not held, or were approved at least once; also if later deleted or rejected';
comment on column metrics.article_engagement_revisions.comments_visible is
'Published comments that now are neither rejected nor deleted nor erased';
comment on column metrics.article_engagement_revisions.top_level is
'Published comments without a parent';
comment on column metrics.article_engagement_revisions.replies is
'Published comments that name a parent, known or not';
comment on column metrics.article_engagement_revisions.max_depth is
'Greatest depth: the distinct posted comments met walking up from a comment, itself included (late, held and unpublished ones like others), plus one if the walk ends at a parent without a posting';
comment on column metrics.article_engagement_revisions.reply_share is
'replies / comments_published';
comment on column metrics.article_engagement_revisions.unique_commenters is
'Distinct authors';
comment on column metrics.article_engagement_revisions.top5_share is
'Share of the comments written by the five most active authors';
comment on column metrics.article_engagement_revisions.first_comment_at is
'When the first comment was posted';
comment on column metrics.article_engagement_revisions.last_comment_at is
'When the last comment was posted';
comment on column metrics.article_engagement_revisions.time_to_first_comment_seconds is
'From the anchor (publication) to the first comment of a reader, at least 0';
comment on column metrics.article_engagement_revisions.reactions_net is
'Reactions that are on now and were first added inside the reaction window';
comment on column metrics.article_engagement_revisions.reactions_added is
'Reactions ever added, first inside the reaction window; also if removed since';
comment on column metrics.article_engagement_revisions.engagement is
'comments_published + reactions_added';
comment on column metrics.article_engagement_revisions.first_24h_share is
'Share posted before anchor + 24 hours';
comment on column metrics.article_engagement_revisions.peak_hour is
'Start of the hour (UTC) with most comments, the earliest on a tie';
comment on column metrics.article_engagement_revisions.peak_hour_comments is
'Comments in that hour';
comment on column metrics.article_engagement_revisions.edited is
'Comments with an edit made in time';
comment on column metrics.article_engagement_revisions.deleted_by_author is
'Comments that their author deleted';
comment on column metrics.article_engagement_revisions.held_comments is
'Comments that were held for a moderator at posting';
comment on column metrics.article_engagement_revisions.held_waiting is
'Held comments without any decision yet and not deleted';
comment on column metrics.article_engagement_revisions.time_to_approval_p50_seconds is
'Median from posting to the first approval by anyone, at least 0';
comment on column metrics.article_engagement_revisions.staff_comments is
'Comments by the site''s staff';
comment on column metrics.article_engagement_revisions.late_comments is
'Comments posted when the discussion did not accept any; kept, but in no other figure than comments_submitted';
comment on column metrics.article_engagement_revisions.state is
'open, closed or cannot_close at the last cut-off of close_discussions';
comment on column metrics.article_engagement_revisions.closes_at is
'When the discussion closes or closed for the last time';
comment on column metrics.article_engagement_revisions.closed_at is
'When it last closed, up to the cut-off';
comment on column metrics.article_engagement_revisions.final is
'The comment figures no longer change unless a revision says so';
comment on column metrics.article_engagement_revisions.reactions_final is
'The reaction figures no longer change unless a revision says so';
comment on column metrics.article_engagement_revisions.revision is
'How often final figures were replaced';
comment on column metrics.article_engagement_revisions.computed_at is
'When this row was computed';
comment on column metrics.article_engagement_revisions.metric_version is
'Version of these definitions';
comment on column metrics.article_engagement_revisions.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';
comment on column metrics.article_engagement_revisions.replaced_at is
'When the next revision was computed';

-- The next closing run looks at every window: for its due_at, its history, and what is final.
insert into ingest.dirty_windows (article_id)
select closing_window.article_id from discussion.windows as closing_window;

grant select, insert, delete on ingest.dirty_discussions to btl_scheduler;
grant select, insert on ingest.dirty_discussions to btl_ingest;
grant select, insert, update on discussion.state_changes to btl_scheduler;
grant select, insert on discussion.told_events to btl_scheduler;
grant select on discussion.discussion_history to btl_scheduler, btl_moderator;
-- A view's tables are read with its owner's rights, its functions are called with the reader's.
grant execute on function ingest.event_of to btl_moderator;
grant select, insert on metrics.article_engagement_revisions to btl_scheduler;
grant select on metrics.article_engagement_revisions to btl_reader, btl_moderator;
