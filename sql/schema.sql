-- The target schema: what all migrations together make of an empty database, to read and to compare with.
-- tests/sql/test_migrations.py holds the two equal. Change a table by a new migration, and then here.

-- The five roles and the three schemas. Roles are shared by a server's databases, hence created only where missing.
-- Each role is made without login: a site grants it to its own logins, or gives it one (as the local stack does).
do $$
declare
    role_name text;
begin
    foreach role_name in array array['btl_owner', 'btl_ingest', 'btl_scheduler', 'btl_reader', 'btl_moderator']
    loop
        begin
            execute format('create role %I nologin', role_name);
        exception
            when duplicate_object or unique_violation then null;
        end;
    end loop;
end
$$;

do $$
begin
    if not pg_has_role(current_user, 'btl_owner', 'member') then
        execute format('grant btl_owner to %I', current_user);
    end if;
end
$$;

create schema discussion authorization btl_owner;
create schema ingest authorization btl_owner;
create schema metrics authorization btl_owner;

comment on schema discussion is 'Articles, comments, reports and reactions as their events left them, and the closing windows';
comment on schema ingest is 'How events came in: positions, the ledger of batches, dead letters, marks of what changed';
comment on schema metrics is 'What analysts, editors and moderators query; a pure function of schema discussion';

grant usage on schema discussion to btl_ingest, btl_scheduler, btl_moderator;
grant usage on schema ingest to btl_ingest, btl_scheduler;
grant usage on schema metrics to btl_scheduler, btl_reader, btl_moderator;

-- Everything below belongs to btl_owner.
set role btl_owner;

-- Tables of what was said: rows are products of independent registers, each merged by its own version.
-- No foreign keys: events arrive in any order, a row made by a later event is a stub until its own event comes.
create table discussion.articles (
    article_id text collate "C" not null,
    url text,
    headline text,
    site text collate "C",
    section text collate "C",
    topics text[],
    bylines text[],
    language text,
    updated_at timestamptz,
    discussion_enabled boolean,
    discussion_closes_at timestamptz,
    discussion_window_hours integer,
    content_version bytea,
    status text,
    status_changed_at timestamptz,
    status_version bytea,
    check (status in ('published', 'unpublished')),
    check ((content_version is null) = (headline is null)),
    check ((status_version is null) = (status is null)),
    primary key (article_id)
);

comment on table discussion.articles is
'One row per article that an article event named. Registers: content (greatest version of published and updated) and status (greatest version of published and unpublished).';
comment on column discussion.articles.article_id is
'The article, as its publisher names it';
comment on column discussion.articles.url is
'Where the article is read';
comment on column discussion.articles.headline is
'Its headline';
comment on column discussion.articles.site is
'The site it belongs to';
comment on column discussion.articles.section is
'Its section (desk, department)';
comment on column discussion.articles.topics is
'Its topics';
comment on column discussion.articles.bylines is
'Who wrote it';
comment on column discussion.articles.language is
'Language tag (BCP 47)';
comment on column discussion.articles.updated_at is
'When its publisher last changed it';
comment on column discussion.articles.discussion_enabled is
'The article''s own setting: may readers comment at all; null: not set';
comment on column discussion.articles.discussion_closes_at is
'The article''s own closing time; null: not set';
comment on column discussion.articles.discussion_window_hours is
'The article''s own window in hours from its anchor; null: not set';
comment on column discussion.articles.content_version is
'Version of the content register; null: no published or updated event yet';
comment on column discussion.articles.status is
'published or unpublished; null: neither event yet';
comment on column discussion.articles.status_changed_at is
'When the status took effect: time of the published event, or unpublished_at';
comment on column discussion.articles.status_version is
'Version of the status register';

create table discussion.article_versions (
    article_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    event_type text not null,
    url text,
    headline text,
    site text collate "C",
    section text collate "C",
    topics text[],
    bylines text[],
    language text,
    updated_at timestamptz,
    discussion_enabled boolean,
    discussion_closes_at timestamptz,
    discussion_window_hours integer,
    published_at timestamptz,
    unpublished_at timestamptz,
    unpublished_reason text,
    check (event_type in ('published', 'updated', 'unpublished')),
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.article_versions is
'Every published, updated and unpublished event: an append-only set.';
comment on column discussion.article_versions.article_id is
'The article, as its publisher names it';
comment on column discussion.article_versions.source is
'CloudEvents source of the event';
comment on column discussion.article_versions.event_id is
'CloudEvents id of the event';
comment on column discussion.article_versions.digest is
'SHA-256 of the event''s type, time and data: tells apart events that share source and id';
comment on column discussion.article_versions.occurred_at is
'CloudEvents time of the event: when it happened';
comment on column discussion.article_versions.version is
'Order key of the event: occurred_at, event id, source and digest, compared as bytes';
comment on column discussion.article_versions.event_type is
'published, updated or unpublished';
comment on column discussion.article_versions.url is
'Where the article is read';
comment on column discussion.article_versions.headline is
'Its headline';
comment on column discussion.article_versions.site is
'The site it belongs to';
comment on column discussion.article_versions.section is
'Its section (desk, department)';
comment on column discussion.article_versions.topics is
'Its topics';
comment on column discussion.article_versions.bylines is
'Who wrote it';
comment on column discussion.article_versions.language is
'Language tag (BCP 47)';
comment on column discussion.article_versions.updated_at is
'When its publisher last changed it';
comment on column discussion.article_versions.discussion_enabled is
'The article''s own setting: may readers comment at all; null: not set';
comment on column discussion.article_versions.discussion_closes_at is
'The article''s own closing time; null: not set';
comment on column discussion.article_versions.discussion_window_hours is
'The article''s own window in hours from its anchor; null: not set';
comment on column discussion.article_versions.published_at is
'When the article was or will be published; the least over all versions is the anchor of its window';
comment on column discussion.article_versions.unpublished_at is
'When it was taken down, of an unpublished event';
comment on column discussion.article_versions.unpublished_reason is
'Why it was taken down, of an unpublished event';

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
'Every decision of an editor about a discussion: an append-only set.';
comment on column discussion.discussion_overrides.article_id is
'The article, as its publisher names it';
comment on column discussion.discussion_overrides.source is
'CloudEvents source of the event';
comment on column discussion.discussion_overrides.event_id is
'CloudEvents id of the event';
comment on column discussion.discussion_overrides.digest is
'SHA-256 of the event''s type, time and data: tells apart events that share source and id';
comment on column discussion.discussion_overrides.occurred_at is
'CloudEvents time of the event: when it happened';
comment on column discussion.discussion_overrides.version is
'Order key of the event: occurred_at, event id, source and digest, compared as bytes';
comment on column discussion.discussion_overrides.action is
'close, reopen, extend, clear, hold or release';
comment on column discussion.discussion_overrides.closes_at is
'Until when: required for extend, optional for close and reopen';
comment on column discussion.discussion_overrides.reason is
'manual, legal, volume, abuse or other';
comment on column discussion.discussion_overrides.decided_by is
'Who decided';
comment on column discussion.discussion_overrides.decided_at is
'When the decision takes effect';

create table discussion.comments (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    user_id text collate "C",
    display_name text,
    role text,
    parent_comment_id text collate "C",
    posted_at timestamptz,
    held boolean,
    first_body text,
    posted_version bytea,
    edited_body text,
    edited_at timestamptz,
    edited_version bytea,
    deleted_at timestamptz,
    deleted_version bytea,
    decision text,
    decision_reason text,
    decision_automated boolean,
    decided_by text,
    decided_at timestamptz,
    decision_version bytea,
    check ((posted_version is null) = (posted_at is null)),
    check ((edited_version is null) = (edited_body is null)),
    check ((deleted_version is null) = (deleted_at is null)),
    check ((decision_version is null) = (decision is null)),
    primary key (article_id, comment_id)
);

comment on table discussion.comments is
'One row per comment that any event named. Registers: posting (least version), edited body (greatest), deletion (least) and decision (greatest).';
comment on column discussion.comments.article_id is
'The article, as its publisher names it';
comment on column discussion.comments.comment_id is
'The comment, as the comment service names it';
comment on column discussion.comments.user_id is
'Who posted it; null: no posting yet (a stub)';
comment on column discussion.comments.display_name is
'The name shown with it';
comment on column discussion.comments.role is
'reader or staff';
comment on column discussion.comments.parent_comment_id is
'The comment that it answers; null: top level';
comment on column discussion.comments.posted_at is
'When it was posted; decides whether it was in time';
comment on column discussion.comments.held is
'It waits, or waited, for a moderator before anyone sees it';
comment on column discussion.comments.first_body is
'Its text as posted';
comment on column discussion.comments.posted_version is
'Version of the posting; null: a stub';
comment on column discussion.comments.edited_body is
'Its text after the last edit; null: never edited. What readers see is coalesce(edited_body, first_body)';
comment on column discussion.comments.edited_at is
'When the last edit was made';
comment on column discussion.comments.edited_version is
'Version of the last edit';
comment on column discussion.comments.deleted_at is
'When its author deleted it';
comment on column discussion.comments.deleted_version is
'Version of the deletion';
comment on column discussion.comments.decision is
'approved or rejected: the last decision of moderation';
comment on column discussion.comments.decision_reason is
'Why';
comment on column discussion.comments.decision_automated is
'Decided by a machine';
comment on column discussion.comments.decided_by is
'Who decided';
comment on column discussion.comments.decided_at is
'When it was decided';
comment on column discussion.comments.decision_version is
'Version of the decision';

create table discussion.comment_edits (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    body text not null,
    edited_at timestamptz not null,
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.comment_edits is
'Every edit of a comment: an append-only set.';
comment on column discussion.comment_edits.article_id is
'The article, as its publisher names it';
comment on column discussion.comment_edits.comment_id is
'The comment, as the comment service names it';
comment on column discussion.comment_edits.source is
'CloudEvents source of the event';
comment on column discussion.comment_edits.event_id is
'CloudEvents id of the event';
comment on column discussion.comment_edits.digest is
'SHA-256 of the event''s type, time and data: tells apart events that share source and id';
comment on column discussion.comment_edits.occurred_at is
'CloudEvents time of the event: when it happened';
comment on column discussion.comment_edits.version is
'Order key of the event: occurred_at, event id, source and digest, compared as bytes';
comment on column discussion.comment_edits.body is
'The text after the edit';
comment on column discussion.comment_edits.edited_at is
'When it was made';

create table discussion.moderation_decisions (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    decision text not null,
    reason text,
    decided_by text not null,
    automated boolean not null,
    decided_at timestamptz not null,
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.moderation_decisions is
'Every decision about a comment, by a person or a machine: an append-only set.';
comment on column discussion.moderation_decisions.article_id is
'The article, as its publisher names it';
comment on column discussion.moderation_decisions.comment_id is
'The comment, as the comment service names it';
comment on column discussion.moderation_decisions.source is
'CloudEvents source of the event';
comment on column discussion.moderation_decisions.event_id is
'CloudEvents id of the event';
comment on column discussion.moderation_decisions.digest is
'SHA-256 of the event''s type, time and data: tells apart events that share source and id';
comment on column discussion.moderation_decisions.occurred_at is
'CloudEvents time of the event: when it happened';
comment on column discussion.moderation_decisions.version is
'Order key of the event: occurred_at, event id, source and digest, compared as bytes';
comment on column discussion.moderation_decisions.decision is
'approved or rejected';
comment on column discussion.moderation_decisions.reason is
'Why';
comment on column discussion.moderation_decisions.decided_by is
'Who decided';
comment on column discussion.moderation_decisions.automated is
'Decided by a machine';
comment on column discussion.moderation_decisions.decided_at is
'When it was decided';

create table discussion.reports (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    report_id text collate "C" not null,
    reporter_user_id text collate "C",
    reporter_anonymous_id text collate "C",
    reason text,
    note text,
    law text,
    reported_at timestamptz,
    reported_version bytea,
    withdrawn_at timestamptz,
    withdrawn_version bytea,
    check ((reported_version is null) = (reported_at is null)),
    check ((withdrawn_version is null) = (withdrawn_at is null)),
    primary key (article_id, comment_id, report_id)
);

comment on table discussion.reports is
'One row per report of a comment that any event named. Registers: report (least version) and withdrawal (least version).';
comment on column discussion.reports.article_id is
'The article, as its publisher names it';
comment on column discussion.reports.comment_id is
'The comment, as the comment service names it';
comment on column discussion.reports.report_id is
'The report, as the comment service names it';
comment on column discussion.reports.reporter_user_id is
'Who reported, if signed in';
comment on column discussion.reports.reporter_anonymous_id is
'Who reported, if not signed in';
comment on column discussion.reports.reason is
'The reason given; null: no report event yet (a stub)';
comment on column discussion.reports.note is
'What the reporter wrote';
comment on column discussion.reports.law is
'The law said to be broken';
comment on column discussion.reports.reported_at is
'When it was reported';
comment on column discussion.reports.reported_version is
'Version of the report; null: a stub';
comment on column discussion.reports.withdrawn_at is
'When the reporter took it back';
comment on column discussion.reports.withdrawn_version is
'Version of the withdrawal';

create table discussion.report_decisions (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    report_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    decision text not null,
    decided_by text not null,
    decided_at timestamptz not null,
    explanation text,
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.report_decisions is
'Every decision about a report: an append-only set.';
comment on column discussion.report_decisions.article_id is
'The article, as its publisher names it';
comment on column discussion.report_decisions.comment_id is
'The comment, as the comment service names it';
comment on column discussion.report_decisions.report_id is
'The report decided on';
comment on column discussion.report_decisions.source is
'CloudEvents source of the event';
comment on column discussion.report_decisions.event_id is
'CloudEvents id of the event';
comment on column discussion.report_decisions.digest is
'SHA-256 of the event''s type, time and data: tells apart events that share source and id';
comment on column discussion.report_decisions.occurred_at is
'CloudEvents time of the event: when it happened';
comment on column discussion.report_decisions.version is
'Order key of the event: occurred_at, event id, source and digest, compared as bytes';
comment on column discussion.report_decisions.decision is
'upheld, dismissed, ignored, duplicate or void';
comment on column discussion.report_decisions.decided_by is
'Who decided';
comment on column discussion.report_decisions.decided_at is
'When it was decided';
comment on column discussion.report_decisions.explanation is
'What was said to the reporter';

create table discussion.reactions (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    user_id text collate "C" not null,
    reaction text collate "C" not null,
    is_on boolean not null,
    state_version bytea not null,
    first_added_at timestamptz,
    primary key (article_id, comment_id, user_id, reaction)
);

comment on table discussion.reactions is
'One row per article, comment, user and reaction. Registers: on or off (greatest version) and first added (least time).';
comment on column discussion.reactions.article_id is
'The article, as its publisher names it';
comment on column discussion.reactions.comment_id is
'The comment, as the comment service names it';
comment on column discussion.reactions.user_id is
'Who reacted';
comment on column discussion.reactions.reaction is
'The reaction, a short token';
comment on column discussion.reactions.is_on is
'The reaction stands now';
comment on column discussion.reactions.state_version is
'Version of the last change';
comment on column discussion.reactions.first_added_at is
'When it was first added; null: only removals seen';

create index report_decisions_by_report on discussion.report_decisions (article_id, comment_id, report_id);
create index comment_edits_by_comment on discussion.comment_edits (article_id, comment_id);
create index moderation_decisions_by_comment on discussion.moderation_decisions (article_id, comment_id);

grant select, insert, update on
    discussion.articles, discussion.comments, discussion.reports, discussion.reactions
to btl_ingest;
grant select, insert on
    discussion.article_versions, discussion.discussion_overrides, discussion.comment_edits,
    discussion.moderation_decisions, discussion.report_decisions
to btl_ingest;
grant select on all tables in schema discussion to btl_scheduler;

-- How events came in: positions, ledger, dead letters, marks and the outbox.
create table ingest.partition_offsets (
    consumer_group text collate "C" not null,
    topic text collate "C" not null,
    partition integer not null,
    topic_id uuid not null,
    incarnation integer not null default 1,
    next_offset bigint not null,
    epoch bigint not null,
    owner uuid,
    backend_pid integer,
    backend_start timestamptz,
    superseded_pid integer,
    superseded_start timestamptz,
    moved_at timestamptz not null default clock_timestamp(),
    status text not null default 'consuming',
    status_detail text,
    accepted_offset bigint,
    check (next_offset >= 0),
    check (status in ('consuming', 'stopped', 'tripped')),
    primary key (consumer_group, topic, partition)
);

comment on table ingest.partition_offsets is
'Where each consumer group resumes, and who may move it: one row per group, topic and partition. Postgres, not Kafka, is the truth.';
comment on column ingest.partition_offsets.consumer_group is
'The consumer group';
comment on column ingest.partition_offsets.topic is
'The topic';
comment on column ingest.partition_offsets.partition is
'The partition';
comment on column ingest.partition_offsets.topic_id is
'Kafka''s id of the topic: a topic deleted and made anew has another one';
comment on column ingest.partition_offsets.incarnation is
'Counts the topic''s lives seen here, from 1';
comment on column ingest.partition_offsets.next_offset is
'The offset of the next record to read';
comment on column ingest.partition_offsets.epoch is
'Rises each time an owner takes the partition';
comment on column ingest.partition_offsets.owner is
'The consumer process that holds the partition';
comment on column ingest.partition_offsets.backend_pid is
'Its Postgres backend: process id';
comment on column ingest.partition_offsets.backend_start is
'Its Postgres backend: start time, so that a reused process id is not mistaken';
comment on column ingest.partition_offsets.superseded_pid is
'The backend of the owner before: its process id. If it stalls while it holds locks, it may be ended';
comment on column ingest.partition_offsets.superseded_start is
'The backend of the owner before: its start time';
comment on column ingest.partition_offsets.moved_at is
'When next_offset last moved, or the partition was taken';
comment on column ingest.partition_offsets.status is
'consuming; stopped: reading on would lose or repeat records; tripped: the breaker stopped it, too many records are bad';
comment on column ingest.partition_offsets.status_detail is
'Why it does not move, and what to do';
comment on column ingest.partition_offsets.accepted_offset is
'The breaker does not count records before this offset: somebody looked at them. Null: counts all';

create table ingest.batches (
    batch_id bigint generated always as identity,
    consumer_group text collate "C" not null,
    topic text collate "C" not null,
    partition integer not null,
    incarnation integer not null,
    kind text not null,
    first_offset bigint not null,
    next_offset bigint not null,
    records bigint not null,
    applied bigint not null,
    unchanged bigint not null,
    dead_lettered bigint not null,
    committed_at timestamptz not null default clock_timestamp(),
    check (kind in ('batch', 'empty', 'redrive', 'gap', 'reset')),
    check (records = applied + unchanged + dead_lettered),
    check (next_offset >= first_offset),
    primary key (batch_id)
);

comment on table ingest.batches is
'The ledger: what became of every record, one row per partition and batch, never changed. Per partition and incarnation first_offset equals the previous next_offset, redrives left out; each incarnation but the first begins with a reset.';
comment on column ingest.batches.batch_id is
'Order of writing';
comment on column ingest.batches.consumer_group is
'The consumer group';
comment on column ingest.batches.topic is
'The topic';
comment on column ingest.batches.partition is
'The partition';
comment on column ingest.batches.incarnation is
'The topic''s life, see partition_offsets';
comment on column ingest.batches.kind is
'batch; empty: the position moved without records; gap: records expired unread, accepted as lost; reset: begins an incarnation, first_offset and next_offset both are where; redrive: dead letters judged again, no part of the sequence';
comment on column ingest.batches.first_offset is
'First offset covered';
comment on column ingest.batches.next_offset is
'First offset after it';
comment on column ingest.batches.records is
'Records read';
comment on column ingest.batches.applied is
'Records that inserted or changed a row';
comment on column ingest.batches.unchanged is
'Duplicates and stale records';
comment on column ingest.batches.dead_lettered is
'Records that became dead letters';
comment on column ingest.batches.committed_at is
'When the batch was written';

create unique index batches_contiguous on ingest.batches (
    consumer_group, topic, partition, incarnation, first_offset
) include (next_offset) where kind in ('batch', 'empty', 'gap');

create table ingest.dead_letters (
    topic text collate "C" not null,
    topic_id uuid not null,
    partition integer not null,
    record_offset bigint not null,
    record_key bytea,
    record_value bytea,
    record_headers bytea[] not null,
    record_timestamp timestamptz not null,
    stage text not null,
    code text not null,
    pointer text,
    message text not null,
    schema_version text,
    software_version text not null,
    attempts integer not null default 1,
    status text not null default 'open',
    dead_lettered_at timestamptz not null default clock_timestamp(),
    status_changed_at timestamptz,
    judged_at timestamptz not null default clock_timestamp(),
    check (stage in ('decode', 'envelope', 'contract', 'database')),
    check (status in ('open', 'redriven', 'discarded')),
    primary key (topic_id, partition, record_offset)
);

comment on table ingest.dead_letters is
'Records that could not be applied, byte for byte, with the reason.';
comment on column ingest.dead_letters.topic is
'The topic';
comment on column ingest.dead_letters.topic_id is
'Kafka''s id of the topic';
comment on column ingest.dead_letters.partition is
'The partition';
comment on column ingest.dead_letters.record_offset is
'The record''s offset';
comment on column ingest.dead_letters.record_key is
'Its key';
comment on column ingest.dead_letters.record_value is
'Its value';
comment on column ingest.dead_letters.record_headers is
'Its headers: name, value, name, value …';
comment on column ingest.dead_letters.record_timestamp is
'Its timestamp';
comment on column ingest.dead_letters.stage is
'decode, envelope, contract or database';
comment on column ingest.dead_letters.code is
'What was wrong, of a closed list (docs/dead-letters.md)';
comment on column ingest.dead_letters.pointer is
'Where: JSON pointer into the structured form';
comment on column ingest.dead_letters.message is
'What was wrong, in words';
comment on column ingest.dead_letters.schema_version is
'Event type whose contract judged it; null: not that far';
comment on column ingest.dead_letters.software_version is
'Version of this software that judged it';
comment on column ingest.dead_letters.attempts is
'How often it was judged';
comment on column ingest.dead_letters.status is
'open, redriven or discarded';
comment on column ingest.dead_letters.dead_lettered_at is
'When it was first kept';
comment on column ingest.dead_letters.status_changed_at is
'When the status last changed';
comment on column ingest.dead_letters.judged_at is
'When it was last judged: a redrive judges nothing twice';

create index dead_letters_by_code on ingest.dead_letters (status, code, dead_lettered_at);

create function ingest.selected_dead_letters(
    in_statuses text[],
    in_codes text[],
    in_topic text,
    in_record_key bytea,
    in_since timestamptz,
    in_until timestamptz
) returns setof ingest.dead_letters
language sql stable
as $$
    select letter.*
    from ingest.dead_letters as letter
    where
        letter.status = any(in_statuses)
        and (cardinality(in_codes) = 0 or letter.code = any(in_codes))
        and (in_topic is null or letter.topic = in_topic)
        and (in_record_key is null or letter.record_key = in_record_key)
        and (in_since is null or letter.record_timestamp >= in_since)
        and (in_until is null or letter.record_timestamp < in_until)
$$;

comment on function ingest.selected_dead_letters is
'The dead letters of these statuses that all given filters match (no codes: all; null: no filter): by code, topic, key, and the record''s timestamp (from in_since on, before in_until).';

create table ingest.dirty_articles (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (mark_id)
);

comment on table ingest.dirty_articles is
'Articles whose metrics must be computed again: an insert-only log; a run deletes the marks that it takes.';
comment on column ingest.dirty_articles.mark_id is
'Order of marking';
comment on column ingest.dirty_articles.article_id is
'The article, as its publisher names it';
comment on column ingest.dirty_articles.marked_at is
'When it was marked';

create index dirty_articles_by_article on ingest.dirty_articles (article_id);

create table ingest.dirty_windows (
    mark_id bigint generated always as identity,
    article_id text collate "C" not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (mark_id)
);

comment on table ingest.dirty_windows is
'Articles whose closing window must be computed again: an insert-only log; a run deletes the marks that it takes.';
comment on column ingest.dirty_windows.mark_id is
'Order of marking';
comment on column ingest.dirty_windows.article_id is
'The article, as its publisher names it';
comment on column ingest.dirty_windows.marked_at is
'When it was marked';

create index dirty_windows_by_article on ingest.dirty_windows (article_id);

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
'Events to publish to discussion-events, written in the transaction of the change that they tell. Rows that are not pending may be removed: discussion.told_events remembers.';
comment on column ingest.outbox.outbox_id is
'Order of writing';
comment on column ingest.outbox.article_id is
'The article, as its publisher names it';
comment on column ingest.outbox.sequence is
'Order within the article, from 1';
comment on column ingest.outbox.event_id is
'CloudEvents id: uuid5 of type, article_id, comment_id, effective_at and cause';
comment on column ingest.outbox.event_type is
'Type of the event';
comment on column ingest.outbox.comment_id is
'The comment it is about, if any';
comment on column ingest.outbox.effective_at is
'When the change took effect';
comment on column ingest.outbox.cause is
'Which kind of rule or event caused it; "…; after 4": it takes back what event 4 of the article told';
comment on column ingest.outbox.data is
'The event''s data';
comment on column ingest.outbox.status is
'pending; sent; suppressed: not sent, the change took effect more than seven days before the cut-off';
comment on column ingest.outbox.created_at is
'When it was written';
comment on column ingest.outbox.sent_at is
'When the broker acknowledged it';

create index outbox_pending on ingest.outbox (outbox_id) where status = 'pending';

-- The two joins of registers. Plain SQL and not strict, so that the planner puts them in line.
create function ingest.precedes(offered anyelement, kept anyelement) returns boolean
language sql immutable
as 'select offered < kept or (kept is null and offered is not null)';

comment on function ingest.precedes is
'Join of a register that keeps the least: whether the offered version replaces the kept one (null: never set).';

create function ingest.supersedes(offered anyelement, kept anyelement) returns boolean
language sql immutable
as 'select offered > kept or (kept is null and offered is not null)';

comment on function ingest.supersedes is
'Join of a register that keeps the greatest: whether the offered version replaces the kept one (null: never set).';

create function ingest.advance_offsets(
    in_consumer_group text,
    in_owner uuid,
    in_topics text[],
    in_partitions integer[],
    in_epochs bigint[],
    in_first_offsets bigint[],
    in_next_offsets bigint[]
) returns void
language plpgsql
as $$
declare
    moved integer;
begin
    update ingest.partition_offsets as held
    set next_offset = batch.next_offset, moved_at = clock_timestamp()
    from unnest(in_topics, in_partitions, in_epochs, in_first_offsets, in_next_offsets)
        as batch (topic, partition, epoch, first_offset, next_offset)
    where held.consumer_group = in_consumer_group
        and held.topic = batch.topic
        and held.partition = batch.partition
        and held.owner = in_owner
        and held.epoch = batch.epoch
        and held.next_offset = batch.first_offset
        and held.status = 'consuming';
    get diagnostics moved = row_count;
    if moved is distinct from cardinality(in_partitions) then
        raise exception 'fenced: moved % of % partitions of group %', moved, cardinality(in_partitions), in_consumer_group
            using errcode = 'BTL01', hint = 'Another owner has taken a partition of this batch: roll back, take again, seek.';
    end if;
end
$$;

comment on function ingest.advance_offsets is
'The fence. Moves next_offset of all given partitions, or raises BTL01 so that the whole batch rolls back: a consumer that lost one of them, at whatever time, cannot write.';

-- The inverse of order_key in contracts/events.py: eight bytes of microseconds since 1970, offset by 2^63; id and source in
-- UTF-8, each ended by a zero byte, which neither contains; the digest. A set of one row, which the planner can put in line.
create function ingest.event_of(in_version bytea)
returns table (occurred_at timestamptz, event_id text, source text, digest bytea)
language sql stable
rows 1
as $$
    select
        to_timestamp(0)
        + (
            ('x' || encode(substr(in_version, 1, 8), 'hex'))::bit(64) # 'x8000000000000000'::bit(64)
        )::bigint
        * interval '1 microsecond',
        convert_from(substr(names.pair, 1, names.ended - 1), 'UTF8'),
        convert_from(substr(names.pair, names.ended + 1, length(names.pair) - names.ended - 1), 'UTF8'),
        substr(in_version, length(in_version) - 31)
    from (
        select
            substr(in_version, 9, length(in_version) - 40) as pair,
            position('\x00'::bytea in substr(in_version, 9)) as ended
    ) as names
    where in_version is not null
$$;

comment on function ingest.event_of is
'The event that an order key (version) names: its time, id, source, and the digest of its content. No row for null.';

create view ingest.event_id_conflicts as
with kept as not materialized (
    select 'articles.content_version' as register, article_id, content_version as version from discussion.articles
    union all
    select 'articles.status_version', article_id, status_version from discussion.articles
    union all
    select 'article_versions.version', article_id, version from discussion.article_versions
    union all
    select 'discussion_overrides.version', article_id, version from discussion.discussion_overrides
    union all
    select 'comments.posted_version', article_id, posted_version from discussion.comments
    union all
    select 'comments.edited_version', article_id, edited_version from discussion.comments
    union all
    select 'comments.deleted_version', article_id, deleted_version from discussion.comments
    union all
    select 'comments.decision_version', article_id, decision_version from discussion.comments
    union all
    select 'comment_edits.version', article_id, version from discussion.comment_edits
    union all
    select 'moderation_decisions.version', article_id, version from discussion.moderation_decisions
    union all
    select 'reports.reported_version', article_id, reported_version from discussion.reports
    union all
    select 'reports.withdrawn_version', article_id, withdrawn_version from discussion.reports
    union all
    select 'report_decisions.version', article_id, version from discussion.report_decisions
    union all
    select 'reactions.state_version', article_id, state_version from discussion.reactions
),

-- Only slices are compared here, so that no more than what conflicts is read backwards.
shared as (
    select contents.pair
    from (
        select distinct
            substr(version, 9, length(version) - 40) as pair,
            substr(version, length(version) - 31) as digest
        from kept
        where version is not null
    ) as contents
    group by contents.pair
    having count(*) > 1
)

select
    event.source,
    event.event_id,
    count(distinct event.digest) as contents,
    min(event.occurred_at) as first_occurred_at,
    max(event.occurred_at) as last_occurred_at,
    array_agg(distinct kept.register order by kept.register) as registers,
    array_agg(distinct kept.article_id order by kept.article_id) as article_ids
from kept
inner join shared on shared.pair = substr(kept.version, 9, length(kept.version) - 40)
cross join lateral ingest.event_of(kept.version) as event
group by event.source, event.event_id;

comment on view ingest.event_id_conflicts is
'Events that share source and id but not their content, as far as their versions are kept: append-only tables keep all, a register only its winner. Each is an event in its own right. Reads every version there is.';
comment on column ingest.event_id_conflicts.source is
'CloudEvents source that they share';
comment on column ingest.event_id_conflicts.event_id is
'CloudEvents id that they share';
comment on column ingest.event_id_conflicts.contents is
'How many different contents (type, time or data) are kept under this source and id';
comment on column ingest.event_id_conflicts.first_occurred_at is
'Least time among them';
comment on column ingest.event_id_conflicts.last_occurred_at is
'Greatest time among them';
comment on column ingest.event_id_conflicts.registers is
'Where they are kept: table and column of schema discussion';
comment on column ingest.event_id_conflicts.article_ids is
'The articles that they are about';

grant select, insert, update on ingest.partition_offsets to btl_ingest;
grant select, insert on ingest.batches, ingest.dead_letters, ingest.dirty_articles, ingest.dirty_windows to btl_ingest;
grant update (
    stage,
    code,
    pointer,
    message,
    schema_version,
    software_version,
    attempts,
    status,
    status_changed_at,
    judged_at
) on ingest.dead_letters to btl_ingest;
grant select on all tables in schema ingest to btl_scheduler;
grant insert, delete on ingest.dirty_articles, ingest.dirty_windows to btl_scheduler;
grant insert, update, delete on ingest.outbox to btl_scheduler;
revoke execute on function ingest.advance_offsets from public;
grant execute on function ingest.advance_offsets to btl_ingest;
revoke execute on function ingest.selected_dead_letters from public;
grant execute on function ingest.selected_dead_letters to btl_ingest, btl_scheduler;
revoke execute on function ingest.event_of from public;
grant execute on function ingest.event_of to btl_scheduler, btl_ingest;
grant select on ingest.event_id_conflicts to btl_ingest;

-- When a discussion opens and closes: rules, windows, their intervals, the barriers behind which windows are applied,
-- and the timeline as one function. Windows are a function of (events, rules, cut-off); nobody edits them by hand.
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
    comments_changed_at timestamptz,
    reactions_changed_at timestamptz,
    undecided_comments boolean not null default false,
    due_at timestamptz,
    check (state in ('open', 'closed', 'cannot_close')),
    check (
        reason in (
            'rule', 'article', 'extend', 'disabled', 'close', 'reopen', 'unpublished', 'hold', 'no_publication_time'
        )
    ),
    primary key (article_id)
);

comment on table discussion.windows is
'One row per article that an article or override event named: when its discussion opens and closes, its state at the last cut-off, and what of its figures is final. Written by close_discussions alone.';
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
    grace_seconds integer not null default 3600,
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
comment on column ingest.barriers.grace_seconds is
'BTL_GRACE when it was taken: so long after the last change figures become final';

create index barriers_passed on ingest.barriers (taken_at) where passed_at is not null;
create index barriers_cut_off on ingest.barriers (cut_off) where passed_at is not null;

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
create function discussion.decided_timeline(in_articles text[])
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
            end as accepted,
            case judged.cause
                when 'hold' then judged.hold_key
                when 'unpublished' then judged.status_key
                when 'close' then judged.override_key
                when 'reopen' then judged.override_key
                when 'extend' then judged.extension_key
                when 'disabled' then judged.settings_key
                when 'article' then judged.settings_key
            end as deciding_event
        from judged
    ),

    turning_point as (
        select
            segment.*,
            lag(segment.accepted) over in_order is distinct from segment.accepted
            or lag(segment.cause) over in_order is distinct from segment.cause
            or lag(segment.deciding_event) over in_order is distinct from segment.deciding_event as turns
        from segment
        window in_order as (partition by segment.article_id order by segment.at)
    )

    select
        turning_point.article_id,
        nullif(turning_point.at, '-infinity'),
        lead(turning_point.at) over (partition by turning_point.article_id order by turning_point.at),
        turning_point.accepted,
        turning_point.cause,
        turning_point.deciding_event
    from turning_point
    where turning_point.turns
$$;

comment on function discussion.decided_timeline is
'When the given articles accept comments, from the beginning to the end of time, what decides it, and by which event (its order key; null: a rule, or nothing at all): half-open pieces in order. The one definition: everything else that tells when a discussion is open is made of it.';

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
'discussion.decided_timeline in as few pieces as say when state or cause change, whichever event decides.';

-- Runs as its owner: a moderator may see this list, not the tables that it is made of.
create function discussion.endless_discussions()
returns table (
    article_id text,
    reason text,
    since timestamptz,
    decided_by text,
    decision_reason text
)
language sql stable
security definer
set search_path = ''
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
'Of the discussions in state cannot_close: what decides that they have no end, since when, and who decided it. One that an event has ended since the last closing run is left out.';

create view discussion.cannot_close as
select
    endless.article_id,
    closing_window.opens_at,
    endless.reason,
    endless.since,
    case endless.reason
        when 'reopen' then 'reopened without an end: needs a close, an extend or a clear'
        else 'no event tells when it was published: needs one with published_at, or a close'
    end as explanation,
    endless.decided_by,
    endless.decision_reason,
    closing_window.changed_at as found_at,
    article.site,
    article.section,
    article.headline,
    article.url
from discussion.endless_discussions() as endless
inner join discussion.windows as closing_window on closing_window.article_id = endless.article_id
left join discussion.articles as article on article.article_id = endless.article_id;

comment on view discussion.cannot_close is
'Discussions that accept comments with no end in sight, why, and since when.';
comment on column discussion.cannot_close.article_id is
'The article, as its publisher names it';
comment on column discussion.cannot_close.opens_at is
'Its anchor, if known';
comment on column discussion.cannot_close.reason is
'no_publication_time, or reopen';
comment on column discussion.cannot_close.since is
'Since when there is no end: when what decides it took effect; without such a time, the first event that named the article';
comment on column discussion.cannot_close.explanation is
'The reason as a sentence, and which event would end it';
comment on column discussion.cannot_close.decided_by is
'Who reopened it; null: nobody did';
comment on column discussion.cannot_close.decision_reason is
'Why it was reopened: manual, legal, volume, abuse or other';
comment on column discussion.cannot_close.found_at is
'When a closing run found this, or last changed the window';
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
revoke execute on function discussion.endless_discussions from public;
grant execute on function discussion.endless_discussions to btl_scheduler, btl_moderator;
grant execute on function discussion.decided_timeline to btl_scheduler;
grant select on discussion.cannot_close to btl_scheduler, btl_moderator;
grant execute on function discussion.anchors, discussion.timeline to btl_scheduler;

-- Metric tables, and the views of what a comment counts as. The definitions of the columns are in sql/metrics/*/definitions.yaml.
create function discussion.in_intervals(in_article_id text, in_at timestamptz) returns boolean
language sql stable security definer set search_path = ''
as $$
    select exists (
        select from discussion.window_intervals as piece
        where piece.article_id = in_article_id
            and (piece.starts_at is null or piece.starts_at <= in_at)
            and (piece.ends_at is null or in_at < piece.ends_at)
    )
$$;

comment on function discussion.in_intervals is
'Was the discussion open then? For windows with gaps; see in_time.';

-- No subquery in it, so that the planner writes it into the calling statement: one comparison for nearly every comment.
create function discussion.in_time(
    in_article_id text,
    in_opens_at timestamptz,
    in_closes_at timestamptz,
    in_has_gaps boolean,
    in_at timestamptz
) returns boolean
language sql stable
as $$
    select case
        when in_has_gaps is null then true
        when in_at < in_opens_at then true
        when in_has_gaps then discussion.in_intervals(in_article_id, in_at)
        when in_closes_at is null then true
        else in_at < in_closes_at
    end
$$;

comment on function discussion.in_time is
'Is something done at in_at in time, given the columns of the article''s row of discussion.windows (all null: no row)? Before opens_at counts as in time; so does everything while no window is known.';

-- A function of articles and not a view, so that windows, too, are looked up by the given articles: a view would leave the
-- planner the choice between all windows and one look-up for each comment.
create function discussion.comment_standing(in_articles text[])
returns table (
    article_id text,
    comment_id text,
    user_id text,
    role text,
    parent_comment_id text,
    posted_at timestamptz,
    held boolean,
    deleted_at timestamptz,
    decision text,
    first_approved_at timestamptz,
    in_time boolean,
    published boolean,
    visible boolean,
    first_visible_at timestamptz
)
language sql stable
as $$
    select
        standing.article_id,
        standing.comment_id,
        standing.user_id,
        standing.role,
        standing.parent_comment_id,
        standing.posted_at,
        standing.held,
        standing.deleted_at,
        standing.decision,
        standing.first_approved_at,
        standing.in_time,
        standing.in_time and (not standing.held or standing.first_approved_at is not null),
        standing.in_time
        and (not standing.held or standing.first_approved_at is not null)
        and standing.decision is distinct from 'rejected'
        and standing.deleted_at is null,
        case when standing.held then standing.first_approved_at else standing.posted_at end
    from (
        select
            comment.article_id,
            comment.comment_id,
            comment.user_id,
            comment.role,
            comment.parent_comment_id,
            comment.posted_at,
            coalesce(comment.held, false) as held,
            comment.deleted_at,
            comment.decision,
            case
                when comment.held then (
                    select min(approval.decided_at)
                    from discussion.moderation_decisions as approval
                    where approval.article_id = comment.article_id
                        and approval.comment_id = comment.comment_id
                        and approval.decision = 'approved'
                )
            end as first_approved_at,
            discussion.in_time(
                comment.article_id,
                closing_window.opens_at,
                closing_window.closes_at,
                closing_window.has_gaps,
                comment.posted_at
            ) as in_time
        from discussion.comments as comment
        left join (
            select known.article_id, known.opens_at, known.closes_at, known.has_gaps
            from discussion.windows as known
            where known.article_id = any(in_articles)
        ) as closing_window on closing_window.article_id = comment.article_id
        where comment.article_id = any(in_articles) and comment.posted_at is not null
    ) as standing
$$;

comment on function discussion.comment_standing is
'What each posted comment of the given articles counts as; the one definition. in_time: posted while the discussion accepted comments, or before it opened. published: in time, and not held or approved at least once. visible: published, and now neither rejected nor deleted. first_approved_at is of held comments; first_visible_at is null while nobody saw it.';

create view discussion.late_comments as
select
    comment.article_id,
    comment.comment_id,
    comment.posted_at,
    piece.ends_at as closed_at,
    comment.posted_at - coalesce(piece.ends_at, closing_window.opens_at) as late_by
from discussion.comments as comment
inner join discussion.windows as closing_window on closing_window.article_id = comment.article_id
left join lateral (
    select max(earlier.ends_at) as ends_at
    from discussion.window_intervals as earlier
    where earlier.article_id = comment.article_id and earlier.ends_at <= comment.posted_at
) as piece on true
where not discussion.in_time(
    comment.article_id,
    closing_window.opens_at,
    closing_window.closes_at,
    closing_window.has_gaps,
    comment.posted_at
);

comment on view discussion.late_comments is
'Comments posted when the discussion did not accept any: kept, counted, in no other figure.';
comment on column discussion.late_comments.article_id is
'The article, as its publisher names it';
comment on column discussion.late_comments.comment_id is
'The comment, as the comment service names it';
comment on column discussion.late_comments.posted_at is
'When it was posted';
comment on column discussion.late_comments.closed_at is
'When the discussion had last closed before; null: it never was open';
comment on column discussion.late_comments.late_by is
'How long after that';

create view discussion.known_articles as
select article.article_id from discussion.articles as article
union
select article_version.article_id from discussion.article_versions as article_version
union
select override.article_id from discussion.discussion_overrides as override
union
select comment.article_id from discussion.comments as comment
union
select edit.article_id from discussion.comment_edits as edit
union
select moderation.article_id from discussion.moderation_decisions as moderation
union
select report.article_id from discussion.reports as report
union
select report_decision.article_id from discussion.report_decisions as report_decision
union
select reaction.article_id from discussion.reactions as reaction;

comment on view discussion.known_articles is
'Every article that any event named: each has a row in the metric tables.';
comment on column discussion.known_articles.article_id is
'The article, as its publisher names it';

-- Counts "at or before" are running counts whose frame includes rows of the same time: linear, also in a storm of reports.
-- No nested loops: of an article that has just become hot the planner's statistics know nothing, it would expect a handful
-- of rows and compare all with all.
create function discussion.report_rounds(in_articles text[])
returns table (
    article_id text,
    comment_id text,
    reporter_kind text,
    reporter_id text,
    report_id text,
    reason text,
    reported_at timestamptz,
    began_at timestamptz,
    outcome text,
    settled_at timestamptz
)
language sql stable
set enable_nestloop = off
set jit = off
as $$
    with report as materialized (
        select
            counted.article_id,
            counted.comment_id,
            counted.report_id,
            case when counted.reporter_user_id is null then 'anonymous' else 'user' end as reporter_kind,
            coalesce(counted.reporter_user_id, counted.reporter_anonymous_id) as reporter_id,
            counted.reason,
            counted.reported_at,
            counted.reported_version
        from discussion.reports as counted
        where counted.article_id = any(in_articles)
            and counted.reported_at is not null
            and counted.withdrawn_at is null
    ),

    human_decision as materialized (
        select
            moderation.article_id,
            moderation.comment_id,
            moderation.decision,
            moderation.decided_at,
            row_number() over (
                partition by moderation.article_id, moderation.comment_id
                order by moderation.decided_at, moderation.version
            ) as place
        from discussion.moderation_decisions as moderation
        where moderation.article_id = any(in_articles) and not moderation.automated
    ),

    report_decision as materialized (
        select
            report.article_id,
            report.comment_id,
            report.report_id,
            report.reporter_kind,
            report.reporter_id,
            decided.decision,
            decided.decided_at,
            decided.version
        from discussion.report_decisions as decided
        inner join report
            on report.article_id = decided.article_id
            and report.comment_id = decided.comment_id
            and report.report_id = decided.report_id
        where decided.article_id = any(in_articles)
    ),

    deleted_comment as (
        select deleted.article_id, deleted.comment_id, deleted.deleted_at
        from discussion.comments as deleted
        where deleted.article_id = any(in_articles) and deleted.deleted_at is not null
    ),

    comment_turn as (
        select
            happened.article_id,
            happened.comment_id,
            happened.report_id,
            count(happened.edits) over so_far as edits,
            count(happened.decisions) over so_far as decisions
        from (
            select report.article_id, report.comment_id, report.report_id, report.reported_at as at,
                null::integer as edits, null::integer as decisions
            from report
            union all
            select edit.article_id, edit.comment_id, null, edit.edited_at, 1, null
            from discussion.comment_edits as edit
            where edit.article_id = any(in_articles)
            union all
            select human_decision.article_id, human_decision.comment_id, null, human_decision.decided_at, null, 1
            from human_decision
        ) as happened
        window so_far as (partition by happened.article_id, happened.comment_id order by happened.at)
    ),

    reporter_turn as (
        select
            happened.article_id,
            happened.comment_id,
            happened.report_id,
            count(happened.decisions) over (
                partition by happened.article_id, happened.comment_id, happened.reporter_kind, happened.reporter_id
                order by happened.at
            ) as decisions
        from (
            select report.article_id, report.comment_id, report.reporter_kind, report.reporter_id, report.report_id,
                report.reported_at as at, null::integer as decisions
            from report
            union all
            select report_decision.article_id, report_decision.comment_id, report_decision.reporter_kind,
                report_decision.reporter_id, null, report_decision.decided_at, 1
            from report_decision
        ) as happened
    ),

    -- A report's round, named by the report that counts in it.
    placed as materialized (
        select
            report.article_id,
            report.comment_id,
            report.report_id,
            comment_turn.decisions as human_decisions_before,
            first_value(report.report_id) over (round_of order by report.reported_version) as counting_report_id,
            min(report.reported_at) over round_of as began_at
        from report
        inner join comment_turn
            on comment_turn.article_id = report.article_id
            and comment_turn.comment_id = report.comment_id
            and comment_turn.report_id = report.report_id
        inner join reporter_turn
            on reporter_turn.article_id = report.article_id
            and reporter_turn.comment_id = report.comment_id
            and reporter_turn.report_id = report.report_id
        window round_of as (
            partition by
                report.article_id,
                report.comment_id,
                report.reporter_kind,
                report.reporter_id,
                comment_turn.edits,
                comment_turn.decisions,
                reporter_turn.decisions
        )
    ),

    round_decision as (
        select
            placed.article_id,
            placed.comment_id,
            placed.counting_report_id,
            (array_agg(report_decision.decision order by report_decision.version desc))[1] as decision,
            min(report_decision.decided_at) as first_decided_at
        from placed
        inner join report_decision
            on report_decision.article_id = placed.article_id
            and report_decision.comment_id = placed.comment_id
            and report_decision.report_id = placed.report_id
        group by placed.article_id, placed.comment_id, placed.counting_report_id
    )

    select
        report.article_id,
        report.comment_id,
        report.reporter_kind,
        report.reporter_id,
        report.report_id,
        report.reason,
        report.reported_at,
        placed.began_at,
        case
            when round_decision.decision is not null then round_decision.decision
            when comment.deleted_at < coalesce(next_decision.decided_at, 'infinity') then 'void'
            when next_decision.decision = 'rejected' then 'upheld'
            when next_decision.decision = 'approved' then 'dismissed'
            else 'open'
        end,
        coalesce(round_decision.first_decided_at, least(comment.deleted_at, next_decision.decided_at))
    from placed
    inner join report
        on report.article_id = placed.article_id
        and report.comment_id = placed.comment_id
        and report.report_id = placed.report_id
    left join round_decision
        on round_decision.article_id = placed.article_id
        and round_decision.comment_id = placed.comment_id
        and round_decision.counting_report_id = placed.report_id
    left join human_decision as next_decision
        on next_decision.article_id = placed.article_id
        and next_decision.comment_id = placed.comment_id
        and next_decision.place = placed.human_decisions_before + 1
    left join deleted_comment as comment
        on comment.article_id = placed.article_id and comment.comment_id = placed.comment_id
    where placed.report_id = placed.counting_report_id
$$;

comment on function discussion.report_rounds is
'Rounds of reports: repeated reports of one reporter on one comment, until the comment is edited, a person moderates it, or a report of that reporter on it is decided; withdrawn ones are left out. report_id, reason and reported_at are those of the report that counts (least version); outcome is upheld, dismissed, ignored, duplicate, void or open; settled_at is the first decision''s time.';


create table metrics.article_engagement (
    article_id text collate "C" not null,
    comments_submitted integer not null,
    comments_published integer not null,
    comments_visible integer not null,
    top_level integer not null,
    replies integer not null,
    max_depth integer,
    reply_share double precision,
    unique_commenters integer not null,
    top5_share double precision,
    first_comment_at timestamptz,
    last_comment_at timestamptz,
    time_to_first_comment_seconds double precision,
    reactions_net integer not null,
    reactions_added integer not null,
    engagement integer not null,
    first_24h_share double precision,
    peak_hour timestamptz,
    peak_hour_comments integer,
    edited integer not null,
    deleted_by_author integer not null,
    held_comments integer not null,
    held_waiting integer not null,
    time_to_approval_p50_seconds double precision,
    staff_comments integer not null,
    late_comments integer not null,
    state text,
    closes_at timestamptz,
    closed_at timestamptz,
    final boolean not null,
    reactions_final boolean not null,
    revision integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (state in ('open', 'closed', 'cannot_close')),
    primary key (article_id)
);

comment on table metrics.article_engagement is
'What readers did under an article. One row for every article that any event named.';
comment on column metrics.article_engagement.article_id is
'The article, as its publisher names it';
comment on column metrics.article_engagement.comments_submitted is
'All comments posted, late and held ones included';
comment on column metrics.article_engagement.comments_published is
'Comments in time that were not held, or were approved at least once; also if later deleted or rejected';
comment on column metrics.article_engagement.comments_visible is
'Published comments that now are neither rejected nor deleted nor erased';
comment on column metrics.article_engagement.top_level is
'Published comments without a parent';
comment on column metrics.article_engagement.replies is
'Published comments that name a parent, known or not';
comment on column metrics.article_engagement.max_depth is
'Greatest depth: the distinct posted comments met walking up from a comment, itself included (late, held and unpublished ones like others), plus one if the walk ends at a parent without a posting';
comment on column metrics.article_engagement.reply_share is
'replies / comments_published';
comment on column metrics.article_engagement.unique_commenters is
'Distinct authors';
comment on column metrics.article_engagement.top5_share is
'Share of the comments written by the five most active authors';
comment on column metrics.article_engagement.first_comment_at is
'When the first comment was posted';
comment on column metrics.article_engagement.last_comment_at is
'When the last comment was posted';
comment on column metrics.article_engagement.time_to_first_comment_seconds is
'From the anchor (publication) to the first comment of a reader, at least 0';
comment on column metrics.article_engagement.reactions_net is
'Reactions that are on now and were first added inside the reaction window';
comment on column metrics.article_engagement.reactions_added is
'Reactions ever added, first inside the reaction window; also if removed since';
comment on column metrics.article_engagement.engagement is
'comments_published + reactions_added';
comment on column metrics.article_engagement.first_24h_share is
'Share posted before anchor + 24 hours';
comment on column metrics.article_engagement.peak_hour is
'Start of the hour (UTC) with most comments, the earliest on a tie';
comment on column metrics.article_engagement.peak_hour_comments is
'Comments in that hour';
comment on column metrics.article_engagement.edited is
'Comments with an edit made in time';
comment on column metrics.article_engagement.deleted_by_author is
'Comments that their author deleted';
comment on column metrics.article_engagement.held_comments is
'Comments that were held for a moderator at posting';
comment on column metrics.article_engagement.held_waiting is
'Held comments without any decision yet and not deleted';
comment on column metrics.article_engagement.time_to_approval_p50_seconds is
'Median from posting to the first approval by anyone, at least 0';
comment on column metrics.article_engagement.staff_comments is
'Comments by the site''s staff';
comment on column metrics.article_engagement.late_comments is
'Comments posted when the discussion did not accept any; kept, but in no other figure than comments_submitted';
comment on column metrics.article_engagement.state is
'open, closed or cannot_close at the last cut-off of close_discussions';
comment on column metrics.article_engagement.closes_at is
'When the discussion closes or closed for the last time';
comment on column metrics.article_engagement.closed_at is
'When it last closed, up to the cut-off';
comment on column metrics.article_engagement.final is
'The comment figures no longer change unless a revision says so';
comment on column metrics.article_engagement.reactions_final is
'The reaction figures no longer change unless a revision says so';
comment on column metrics.article_engagement.revision is
'How often final figures were replaced';
comment on column metrics.article_engagement.computed_at is
'When this row was computed';
comment on column metrics.article_engagement.metric_version is
'Version of these definitions';
comment on column metrics.article_engagement.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';


create table metrics.article_abuse (
    article_id text collate "C" not null,
    reports integer not null,
    unique_reporters integer not null,
    anonymous_reports integer not null,
    reported_comments integer not null,
    reported_comment_rate double precision,
    reports_per_1000 double precision,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    oldest_open_at timestamptz,
    uphold_rate double precision,
    time_to_decision_p50_seconds double precision,
    time_to_decision_p90_seconds double precision,
    rejected integer not null,
    rejection_rate double precision,
    exposure_p50_seconds double precision,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id)
);

comment on table metrics.article_abuse is
'What readers complained about under an article, and what became of it. One row for every article that any event named. Reports are counted in rounds: repeated reports of one reporter on one comment count once, until the comment is edited, a person moderates it, or a report of that reporter on it is decided. Withdrawn reports do not count.';
comment on column metrics.article_abuse.article_id is
'The article, as its publisher names it';
comment on column metrics.article_abuse.reports is
'Rounds of reports';
comment on column metrics.article_abuse.unique_reporters is
'Distinct reporters; signed-in users and anonymous ids are counted apart';
comment on column metrics.article_abuse.anonymous_reports is
'Rounds of reporters who were not signed in';
comment on column metrics.article_abuse.reported_comments is
'Published comments with at least one round';
comment on column metrics.article_abuse.reported_comment_rate is
'reported_comments / published comments';
comment on column metrics.article_abuse.reports_per_1000 is
'Rounds on published comments per 1,000 published comments';
comment on column metrics.article_abuse.upheld is
'Rounds whose last decision is upheld or, without one, whose comment was next rejected by a person';
comment on column metrics.article_abuse.dismissed is
'Rounds whose last decision is dismissed or, without one, whose comment was next approved by a person';
comment on column metrics.article_abuse.ignored is
'Rounds whose last decision is ignored';
comment on column metrics.article_abuse.duplicates is
'Rounds whose last decision is duplicate';
comment on column metrics.article_abuse.void is
'Rounds whose last decision is void or, without one, whose comment its author deleted before a person moderated it';
comment on column metrics.article_abuse.open_reports is
'Rounds that nothing has settled';
comment on column metrics.article_abuse.oldest_open_at is
'When the oldest open round began';
comment on column metrics.article_abuse.uphold_rate is
'upheld / (upheld + dismissed)';
comment on column metrics.article_abuse.time_to_decision_p50_seconds is
'Median from a round''s earliest report to its first decision, at least 0';
comment on column metrics.article_abuse.time_to_decision_p90_seconds is
'Ninth decile of the same';
comment on column metrics.article_abuse.rejected is
'Comments whose last decision is rejected and that their author did not delete, held ones that were never published included';
comment on column metrics.article_abuse.rejection_rate is
'rejected / (rejected + visible + erased): comments deleted by their author are left out';
comment on column metrics.article_abuse.exposure_p50_seconds is
'Median from first being visible to the first later rejection by anyone, else to deletion by its author, at least 0';
comment on column metrics.article_abuse.computed_at is
'When this row was computed';
comment on column metrics.article_abuse.metric_version is
'Version of these definitions';
comment on column metrics.article_abuse.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

grant select on discussion.known_articles to btl_scheduler;
grant execute on function discussion.comment_standing to btl_scheduler;
grant select on discussion.late_comments to btl_scheduler, btl_moderator;
grant select, insert, update, delete on metrics.article_engagement, metrics.article_abuse to btl_scheduler;
grant select on metrics.article_engagement, metrics.article_abuse to btl_reader, btl_moderator;
grant execute on function discussion.report_rounds to btl_scheduler;

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

grant select, insert, delete on ingest.dirty_discussions to btl_scheduler;
grant select, insert on ingest.dirty_discussions to btl_ingest;
grant select, insert, update on discussion.state_changes to btl_scheduler;
grant select, insert on discussion.told_events to btl_scheduler;
grant select on discussion.discussion_history to btl_scheduler, btl_moderator;
-- A view's tables are read with its owner's rights, its functions are called with the reader's.
grant execute on function ingest.event_of to btl_moderator;
grant select, insert on metrics.article_engagement_revisions to btl_scheduler;
grant select on metrics.article_engagement_revisions to btl_reader, btl_moderator;

-- Metric tables by reason, hour and day, of sections, sites and reporters; the backlog of moderation; views for moderators and editors.
create function discussion.severity(in_reason text) returns integer
language sql immutable
as $$
    select case
        when in_reason in ('threat_violence', 'illegal_content', 'sexual_content', 'privacy') then 3
        when in_reason in ('hate_speech', 'harassment', 'personal_abuse', 'defamation') then 2
        else 1
    end
$$;

comment on function discussion.severity is
'How grave a reason for reporting is: 1 to 3.';

create table ingest.dirty_days (
    mark_id bigint generated always as identity,
    site text not null,
    section text,
    day date not null,
    primary key (mark_id)
);

comment on table ingest.dirty_days is
'Days of sections whose figures in section_daily and site_daily must be computed again, because an article''s changed: set and taken by runs of article_metrics.';
comment on column ingest.dirty_days.mark_id is
'Order of marking';
comment on column ingest.dirty_days.site is
'The site';
comment on column ingest.dirty_days.section is
'The section; null: articles without one';
comment on column ingest.dirty_days.day is
'The day, in the site''s time zone';

create index dirty_days_by_day on ingest.dirty_days (day, site, section);

create table ingest.dirty_reporters (
    mark_id bigint generated always as identity,
    user_id text not null,
    primary key (mark_id)
);

comment on table ingest.dirty_reporters is
'Reporters whose figures in reporter_accuracy must be computed again, because those under an article changed: set and taken by runs of article_metrics.';
comment on column ingest.dirty_reporters.mark_id is
'Order of marking';
comment on column ingest.dirty_reporters.user_id is
'The reporter';

create index dirty_reporters_by_user on ingest.dirty_reporters (user_id);

create table metrics.article_abuse_reasons (
    article_id text collate "C" not null,
    reason text not null,
    reports integer not null,
    unique_reporters integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (reports = upheld + dismissed + ignored + duplicates + void + open_reports),
    primary key (article_id, reason)
);

comment on table metrics.article_abuse_reasons is
'For what readers reported under an article. One row for every article and reason with at least one round of reports; a round has the reason of the report that counts, its first by version. All columns but unique_reporters sum to those of article_abuse.';
comment on column metrics.article_abuse_reasons.article_id is
'The article, as its publisher names it';
comment on column metrics.article_abuse_reasons.reason is
'What was reported';
comment on column metrics.article_abuse_reasons.reports is
'Rounds of reports';
comment on column metrics.article_abuse_reasons.unique_reporters is
'Distinct reporters; signed-in users and anonymous ids are counted apart';
comment on column metrics.article_abuse_reasons.upheld is
'Rounds that came out as upheld';
comment on column metrics.article_abuse_reasons.dismissed is
'Rounds that came out as dismissed';
comment on column metrics.article_abuse_reasons.ignored is
'Rounds that came out as ignored';
comment on column metrics.article_abuse_reasons.duplicates is
'Rounds that came out as duplicate';
comment on column metrics.article_abuse_reasons.void is
'Rounds that came out as void';
comment on column metrics.article_abuse_reasons.open_reports is
'Rounds that nothing has settled';
comment on column metrics.article_abuse_reasons.computed_at is
'When this row was computed';
comment on column metrics.article_abuse_reasons.metric_version is
'Version of these definitions';
comment on column metrics.article_abuse_reasons.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.article_hourly (
    article_id text collate "C" not null,
    hour timestamptz not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, hour)
);

create index article_hourly_by_hour on metrics.article_hourly (hour);

comment on table metrics.article_hourly is
'What happened under an article, hour by hour (UTC). One row for every article and hour in which any figure is not 0; everything counts in the hour in which it happened. Each column but unique_commenters sums to the article''s figure in article_engagement or article_abuse.';
comment on column metrics.article_hourly.article_id is
'The article, as its publisher names it';
comment on column metrics.article_hourly.hour is
'Start of the hour';
comment on column metrics.article_hourly.comments is
'Published comments posted in it';
comment on column metrics.article_hourly.replies is
'Those that name a parent, known or not';
comment on column metrics.article_hourly.unique_commenters is
'Distinct authors of them';
comment on column metrics.article_hourly.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.article_hourly.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.article_hourly.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.article_hourly.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.article_hourly.computed_at is
'When this row was computed';
comment on column metrics.article_hourly.metric_version is
'Version of these definitions';
comment on column metrics.article_hourly.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.article_daily (
    article_id text collate "C" not null,
    day date not null,
    site text,
    section text,
    time_zone text not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    commenters_digest bigint not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, day)
);

create index article_daily_by_section on metrics.article_daily (site, day, section);

comment on table metrics.article_daily is
'What happened under an article, day by day in the site''s time zone. One row for every article and day on which any figure is not 0. Computed from the base tables, not from hours of UTC: days begin at the site''s midnight, and have 23 or 25 hours when clocks change.';
comment on column metrics.article_daily.article_id is
'The article, as its publisher names it';
comment on column metrics.article_daily.day is
'The day, in the time zone of the row';
comment on column metrics.article_daily.site is
'The article''s site now';
comment on column metrics.article_daily.section is
'The article''s section now';
comment on column metrics.article_daily.time_zone is
'The site''s time zone by which days are cut (BTL_SITE_TIMEZONE when the row was computed)';
comment on column metrics.article_daily.comments is
'Published comments posted in it';
comment on column metrics.article_daily.replies is
'Those that name a parent, known or not';
comment on column metrics.article_daily.unique_commenters is
'Distinct authors of them';
comment on column metrics.article_daily.commenters_digest is
'Changes with the set of their authors, also where their number stays: what the section''s and the site''s unique_commenters depend on';
comment on column metrics.article_daily.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.article_daily.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.article_daily.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.article_daily.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.article_daily.computed_at is
'When this row was computed';
comment on column metrics.article_daily.metric_version is
'Version of these definitions';
comment on column metrics.article_daily.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.section_daily (
    site text not null,
    section text,
    day date not null,
    time_zone text not null,
    articles integer not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    unique nulls not distinct (site, section, day)
);

create index section_daily_by_day on metrics.section_daily (day);

comment on table metrics.section_daily is
'What happened in a section of a site, day by day in the site''s time zone. One row for every site, section and day on which any article that is in the section now has a row in article_daily; articles without a section are a section of their own. Articles whose publication is not known are in none.';
comment on column metrics.section_daily.site is
'The site';
comment on column metrics.section_daily.section is
'The section';
comment on column metrics.section_daily.day is
'The day, in the time zone of the row';
comment on column metrics.section_daily.time_zone is
'The site''s time zone by which days are cut (BTL_SITE_TIMEZONE when the row was computed)';
comment on column metrics.section_daily.articles is
'Articles with any figure';
comment on column metrics.section_daily.comments is
'Published comments posted in it';
comment on column metrics.section_daily.replies is
'Those that name a parent, known or not';
comment on column metrics.section_daily.unique_commenters is
'Distinct authors of them, each counted once';
comment on column metrics.section_daily.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.section_daily.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.section_daily.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.section_daily.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.section_daily.computed_at is
'When this row was computed';
comment on column metrics.section_daily.metric_version is
'Version of these definitions';
comment on column metrics.section_daily.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.site_daily (
    site text not null,
    day date not null,
    time_zone text not null,
    articles integer not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (site, day)
);

comment on table metrics.site_daily is
'What happened on a site, day by day in its time zone. One row for every site and day on which any of its articles has a row in article_daily. Articles whose publication is not known are on none.';
comment on column metrics.site_daily.site is
'The site';
comment on column metrics.site_daily.day is
'The day, in the time zone of the row';
comment on column metrics.site_daily.time_zone is
'The site''s time zone by which days are cut (BTL_SITE_TIMEZONE when the row was computed)';
comment on column metrics.site_daily.articles is
'Articles with any figure';
comment on column metrics.site_daily.comments is
'Published comments posted in it';
comment on column metrics.site_daily.replies is
'Those that name a parent, known or not';
comment on column metrics.site_daily.unique_commenters is
'Distinct authors of them, each counted once';
comment on column metrics.site_daily.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.site_daily.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.site_daily.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.site_daily.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.site_daily.computed_at is
'When this row was computed';
comment on column metrics.site_daily.metric_version is
'Version of these definitions';
comment on column metrics.site_daily.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.article_reporters (
    article_id text collate "C" not null,
    user_id text collate "C" not null,
    reports integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (reports = upheld + dismissed + ignored + duplicates + void + open_reports),
    primary key (article_id, user_id)
);

create index article_reporters_by_user on metrics.article_reporters (user_id);

comment on table metrics.article_reporters is
'What each signed-in reader reported under an article, and what became of it. One row for every article and reporter with at least one round. reporter_accuracy is the sum of these.';
comment on column metrics.article_reporters.article_id is
'The article, as its publisher names it';
comment on column metrics.article_reporters.user_id is
'The reporter';
comment on column metrics.article_reporters.reports is
'Rounds of reports';
comment on column metrics.article_reporters.upheld is
'Rounds that came out as upheld';
comment on column metrics.article_reporters.dismissed is
'Rounds that came out as dismissed';
comment on column metrics.article_reporters.ignored is
'Rounds that came out as ignored';
comment on column metrics.article_reporters.duplicates is
'Rounds that came out as duplicate';
comment on column metrics.article_reporters.void is
'Rounds that came out as void';
comment on column metrics.article_reporters.open_reports is
'Rounds that nothing has settled';
comment on column metrics.article_reporters.computed_at is
'When this row was computed';
comment on column metrics.article_reporters.metric_version is
'Version of these definitions';
comment on column metrics.article_reporters.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.reporter_accuracy (
    user_id text collate "C" not null,
    articles integer not null,
    reports integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    accuracy double precision,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (user_id)
);

comment on table metrics.reporter_accuracy is
'How often a signed-in reader''s reports were right. One row for every signed-in reader with at least one round, over all articles.';
comment on column metrics.reporter_accuracy.user_id is
'The reporter';
comment on column metrics.reporter_accuracy.articles is
'Articles reported under';
comment on column metrics.reporter_accuracy.reports is
'Rounds of reports';
comment on column metrics.reporter_accuracy.upheld is
'Rounds that came out as upheld';
comment on column metrics.reporter_accuracy.dismissed is
'Rounds that came out as dismissed';
comment on column metrics.reporter_accuracy.ignored is
'Rounds that came out as ignored';
comment on column metrics.reporter_accuracy.duplicates is
'Rounds that came out as duplicate';
comment on column metrics.reporter_accuracy.void is
'Rounds that came out as void';
comment on column metrics.reporter_accuracy.open_reports is
'Rounds that nothing has settled';
comment on column metrics.reporter_accuracy.accuracy is
'upheld / (upheld + dismissed), shown from five of them on';
comment on column metrics.reporter_accuracy.computed_at is
'When this row was computed';
comment on column metrics.reporter_accuracy.metric_version is
'Version of these definitions';
comment on column metrics.reporter_accuracy.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.open_reports (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    open_reports integer not null,
    unique_reporters integer not null,
    signed_in_reporters text[] not null,
    reasons text[] not null,
    oldest_open_at timestamptz not null,
    visible_since timestamptz,
    weight double precision not null,
    severity integer not null,
    urgency_key double precision not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, comment_id)
);

create index open_reports_by_urgency on metrics.open_reports (
    (visible_since is not null) desc, urgency_key desc, article_id, comment_id
);
create index open_reports_by_reporter on metrics.open_reports using gin (signed_in_reporters);

comment on table metrics.open_reports is
'The backlog of moderation: one row for every comment with at least one round of reports that nothing has settled; the view moderation_queue shows it in order of urgency. A comment that was approved has no open round; reported anew, it is back.';
comment on column metrics.open_reports.article_id is
'The article, as its publisher names it';
comment on column metrics.open_reports.comment_id is
'The comment, unique within its article';
comment on column metrics.open_reports.open_reports is
'Rounds that nothing has settled';
comment on column metrics.open_reports.unique_reporters is
'Distinct reporters of them; signed-in users and anonymous ids are counted apart';
comment on column metrics.open_reports.signed_in_reporters is
'User ids of the signed-in ones, in order';
comment on column metrics.open_reports.reasons is
'Reasons of them, in order';
comment on column metrics.open_reports.oldest_open_at is
'When the oldest of them began';
comment on column metrics.open_reports.visible_since is
'When readers could first see the comment';
comment on column metrics.open_reports.weight is
'Sum over the reporters: 0.5 + accuracy of one whose accuracy is shown, 1 of any other signed-in one, 0.5 of an anonymous one';
comment on column metrics.open_reports.severity is
'Of the gravest reason: 3 for threat_violence, illegal_content, sexual_content and privacy; 2 for hate_speech, harassment, personal_abuse and defamation; else 1';
comment on column metrics.open_reports.urgency_key is
'24 * severity * weight - hours from 1970 to visible_since (0 where it is not visible): the part of the urgency that the clock does not change';
comment on column metrics.open_reports.computed_at is
'When this row was computed';
comment on column metrics.open_reports.metric_version is
'Version of these definitions';
comment on column metrics.open_reports.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

-- For lists of those with most.
create index article_engagement_by_comments on metrics.article_engagement (comments_published desc, article_id);
create index article_engagement_by_engagement on metrics.article_engagement (engagement desc, article_id);
create index article_abuse_by_reports on metrics.article_abuse (reports desc, article_id);
create index article_abuse_by_open_reports on metrics.article_abuse (open_reports desc, article_id);

-- A function of one article, so that the walk begins at its comments and not at everybody's.
create function discussion.thread_of(in_article_id text)
returns table (
    comment_id text,
    parent_comment_id text,
    depth integer,
    path text[],
    user_id text,
    display_name text,
    role text,
    posted_at timestamptz,
    edited_at timestamptz,
    body text,
    status text,
    late_by interval
)
language sql stable security definer set search_path = ''
as $$
    with recursive walk as (
        select
            comment.comment_id,
            1 as depth,
            array[to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), comment.comment_id] as path
        from discussion.comments as comment
        where comment.article_id = in_article_id
            and comment.posted_at is not null
            and not exists (
                select from discussion.comments as parent
                where parent.article_id = comment.article_id
                    and parent.comment_id = comment.parent_comment_id
                    and parent.posted_at is not null
            )
        union all
        select
            reply.comment_id,
            walk.depth + 1,
            walk.path || to_char(reply.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || reply.comment_id
        from walk
        inner join discussion.comments as reply
            on reply.article_id = in_article_id
            and reply.parent_comment_id = walk.comment_id
            and reply.posted_at is not null
    )

    select
        comment.comment_id,
        comment.parent_comment_id,
        coalesce(walk.depth, 1),
        coalesce(
            walk.path,
            array[to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), comment.comment_id]
        ),
        comment.user_id,
        comment.display_name,
        comment.role,
        comment.posted_at,
        comment.edited_at,
        coalesce(comment.edited_body, comment.first_body),
        case
            when comment.deleted_at is not null then 'deleted'
            when not standing.in_time then 'late'
            when standing.visible then 'visible'
            when standing.decision = 'rejected' then 'rejected'
            else 'held'
        end,
        late.late_by
    from discussion.comment_standing(array[in_article_id]) as standing
    inner join discussion.comments as comment
        on comment.article_id = in_article_id and comment.comment_id = standing.comment_id
    -- Those in a circle of parents are met from no top: each is shown as one.
    left join walk on walk.comment_id = comment.comment_id
    left join discussion.late_comments as late
        on late.article_id = in_article_id and late.comment_id = comment.comment_id
$$;

comment on function discussion.thread_of is
'The discussion of one article as moderators read it: see the view discussion_thread.';

create view metrics.articles as
select
    article.article_id,
    article.headline,
    article.url,
    article.site,
    article.section,
    closing_window.opens_at as published_at,
    article.status
from discussion.articles as article
left join discussion.windows as closing_window on closing_window.article_id = article.article_id
where article.content_version is not null;

comment on view metrics.articles is
'What the figures are of: one row for every article whose content is known, to join by article_id.';
comment on column metrics.articles.article_id is
'The article, as its publisher names it';
comment on column metrics.articles.headline is
'Its headline';
comment on column metrics.articles.url is
'Its address';
comment on column metrics.articles.site is
'Its site';
comment on column metrics.articles.section is
'Its section';
comment on column metrics.articles.published_at is
'Its anchor: the least publication time of its versions';
comment on column metrics.articles.status is
'published or unpublished';

create view discussion.moderation_queue as
select
    backlog.article_id,
    article.headline,
    backlog.comment_id,
    comment.user_id,
    comment.display_name,
    coalesce(comment.edited_body, comment.first_body) as body,
    comment.posted_at,
    backlog.open_reports,
    backlog.unique_reporters,
    backlog.reasons,
    backlog.oldest_open_at,
    backlog.visible_since is not null as visible,
    case
        when backlog.visible_since is not null
            then greatest(0, extract(epoch from now() - backlog.visible_since))::double precision
    end as exposure_seconds,
    backlog.weight,
    backlog.severity,
    24 * backlog.severity * backlog.weight
    + greatest(0, extract(epoch from now() - backlog.visible_since))::double precision / 3600 as urgency,
    backlog.urgency_key
from metrics.open_reports as backlog
left join discussion.articles as article on article.article_id = backlog.article_id
left join discussion.comments as comment
    on comment.article_id = backlog.article_id and comment.comment_id = backlog.comment_id
order by (backlog.visible_since is not null) desc, backlog.urgency_key desc, backlog.article_id, backlog.comment_id;

comment on view discussion.moderation_queue is
'What moderators should look at first: open_reports with the comment and the urgency of now, which grows by one with every hour that readers see the comment, and by 24 with every full report of the least severity. Comments that readers see come first.';
comment on column discussion.moderation_queue.article_id is
'The article, as its publisher names it';
comment on column discussion.moderation_queue.headline is
'The article''s headline';
comment on column discussion.moderation_queue.comment_id is
'The comment, unique within its article';
comment on column discussion.moderation_queue.user_id is
'Its author';
comment on column discussion.moderation_queue.display_name is
'The author''s name as shown';
comment on column discussion.moderation_queue.body is
'Its text now';
comment on column discussion.moderation_queue.posted_at is
'When it was posted';
comment on column discussion.moderation_queue.open_reports is
'Rounds that nothing has settled';
comment on column discussion.moderation_queue.unique_reporters is
'Distinct reporters of them; signed-in users and anonymous ids are counted apart';
comment on column discussion.moderation_queue.reasons is
'Reasons of them, in order';
comment on column discussion.moderation_queue.oldest_open_at is
'When the oldest of them began';
comment on column discussion.moderation_queue.visible is
'Whether readers see it';
comment on column discussion.moderation_queue.exposure_seconds is
'For how long readers have seen it';
comment on column discussion.moderation_queue.weight is
'Sum over the reporters: 0.5 + accuracy of one whose accuracy is shown, 1 of any other signed-in one, 0.5 of an anonymous one';
comment on column discussion.moderation_queue.severity is
'Of the gravest reason: 3 for threat_violence, illegal_content, sexual_content and privacy; 2 for hate_speech, harassment, personal_abuse and defamation; else 1';
comment on column discussion.moderation_queue.urgency is
'24 * severity * weight + hours of exposure (0 where it is not visible)';
comment on column discussion.moderation_queue.urgency_key is
'The same without the clock: what the queue is ordered by, greatest first, after visible';

create view metrics.trending_articles as
select
    recent.article_id,
    article.headline,
    article.site,
    article.section,
    recent.comments,
    recent.reactions,
    recent.reports,
    before.comments / 8.0::double precision as comments_before,
    recent.comments / nullif(before.comments / 8.0::double precision, 0) as growth
from (
    select
        hourly.article_id,
        sum(hourly.comments)::integer as comments,
        sum(hourly.reactions)::integer as reactions,
        sum(hourly.reports)::integer as reports
    from metrics.article_hourly as hourly
    where hourly.hour > date_trunc('hour', now(), 'UTC') - interval '3 hours'
    group by hourly.article_id
    having sum(hourly.comments) > 0
) as recent
cross join lateral (
    select coalesce(sum(hourly.comments), 0)::double precision as comments
    from metrics.article_hourly as hourly
    where hourly.article_id = recent.article_id
        and hourly.hour <= date_trunc('hour', now(), 'UTC') - interval '3 hours'
        and hourly.hour > date_trunc('hour', now(), 'UTC') - interval '27 hours'
) as before
left join discussion.articles as article on article.article_id = recent.article_id
order by recent.comments desc, recent.article_id;

comment on view metrics.trending_articles is
'Where readers are writing now: articles with comments in the last three hours, most first. Whole hours of UTC: the present one and the two before.';
comment on column metrics.trending_articles.article_id is
'The article, as its publisher names it';
comment on column metrics.trending_articles.headline is
'The article''s headline';
comment on column metrics.trending_articles.site is
'The article''s site';
comment on column metrics.trending_articles.section is
'The article''s section';
comment on column metrics.trending_articles.comments is
'Published comments of the last three hours';
comment on column metrics.trending_articles.reactions is
'Reactions of the last three hours';
comment on column metrics.trending_articles.reports is
'Rounds of reports of the last three hours';
comment on column metrics.trending_articles.comments_before is
'Published comments of the 24 hours before, per three hours';
comment on column metrics.trending_articles.growth is
'comments / comments_before';

create view metrics.closing_soon as
select
    closing_window.article_id,
    article.headline,
    article.site,
    article.section,
    closing_window.closes_at,
    closing_window.closes_at - now() as closes_in,
    engagement.comments_published
from discussion.windows as closing_window
left join discussion.articles as article on article.article_id = closing_window.article_id
left join metrics.article_engagement as engagement on engagement.article_id = closing_window.article_id
where closing_window.state = 'open'
    and closing_window.closes_at > now()
    and closing_window.closes_at <= now() + interval '24 hours'
order by closing_window.closes_at, closing_window.article_id;

comment on view metrics.closing_soon is
'Discussions that are open and will close within 24 hours, the next one first, by the last closing run.';
comment on column metrics.closing_soon.article_id is
'The article, as its publisher names it';
comment on column metrics.closing_soon.headline is
'The article''s headline';
comment on column metrics.closing_soon.site is
'The article''s site';
comment on column metrics.closing_soon.section is
'The article''s section';
comment on column metrics.closing_soon.closes_at is
'When it closes';
comment on column metrics.closing_soon.closes_in is
'How long until then';
comment on column metrics.closing_soon.comments_published is
'Comments in time that were not held, or were approved at least once; also if later deleted or rejected';

create view discussion.discussion_thread as
select
    article.article_id,
    thread.comment_id,
    thread.parent_comment_id,
    thread.depth,
    thread.path,
    thread.user_id,
    thread.display_name,
    thread.role,
    thread.posted_at,
    thread.edited_at,
    thread.body,
    thread.status,
    thread.late_by
from discussion.known_articles as article
cross join lateral discussion.thread_of(article.article_id) as thread;

comment on view discussion.discussion_thread is
'A discussion as moderators read it: one row for every posted comment, in the order of the thread when sorted by path. What readers don''t see is there, too, and says so.';
comment on column discussion.discussion_thread.article_id is
'The article, as its publisher names it';
comment on column discussion.discussion_thread.comment_id is
'The comment, unique within its article';
comment on column discussion.discussion_thread.parent_comment_id is
'What it replies to';
comment on column discussion.discussion_thread.depth is
'1 for a comment that starts a thread or whose parent is not there';
comment on column discussion.discussion_thread.path is
'Posting times and ids from the top of its thread to itself: sorts a discussion as it is read';
comment on column discussion.discussion_thread.user_id is
'Its author';
comment on column discussion.discussion_thread.display_name is
'The author''s name as shown';
comment on column discussion.discussion_thread.role is
'reader or staff';
comment on column discussion.discussion_thread.posted_at is
'When it was posted';
comment on column discussion.discussion_thread.edited_at is
'When it was last edited';
comment on column discussion.discussion_thread.body is
'Its text now';
comment on column discussion.discussion_thread.status is
'visible, held, rejected, deleted or late: what readers see of it, and why not';
comment on column discussion.discussion_thread.late_by is
'How long after the discussion had closed it was posted';

grant execute on function discussion.severity to btl_scheduler;
grant select, insert, delete on ingest.dirty_days, ingest.dirty_reporters to btl_scheduler;
grant select, insert, update, delete on
metrics.article_abuse_reasons,
metrics.article_hourly,
metrics.article_daily,
metrics.section_daily,
metrics.site_daily,
metrics.article_reporters,
metrics.reporter_accuracy,
metrics.open_reports
to btl_scheduler;
grant select on
metrics.article_abuse_reasons,
metrics.article_hourly,
metrics.article_daily,
metrics.section_daily,
metrics.site_daily,
metrics.reporter_accuracy,
metrics.articles,
metrics.trending_articles,
metrics.closing_soon
to btl_reader, btl_moderator;
-- Who reported what is for those who decide about it.
grant select on
metrics.article_reporters,
metrics.open_reports,
discussion.moderation_queue,
discussion.discussion_thread
to btl_moderator;
revoke execute on function discussion.thread_of from public;
grant execute on function discussion.thread_of to btl_moderator;

-- What the quality gate and the audit of the ingest found.
create table metrics.quality_results (
    run_id text not null,
    checked_at timestamptz not null,
    suite text not null,
    expectation text not null,
    relation text not null,
    column_name text,
    severity text not null,
    success boolean not null,
    message text not null,
    cure text not null,
    unexpected bigint,
    examples jsonb not null,
    check (severity in ('fail', 'warn')),
    primary key (run_id, suite, expectation)
);

comment on table metrics.quality_results is
'What the quality gate found: one row per run of data_quality and expectation, passed or not. Kept for good.';
comment on column metrics.quality_results.run_id is
'The run';
comment on column metrics.quality_results.checked_at is
'When it began; the same in all rows of a run';
comment on column metrics.quality_results.suite is
'base, metrics or freshness';
comment on column metrics.quality_results.expectation is
'Name of the expectation within its suite';
comment on column metrics.quality_results.relation is
'The table that it is about';
comment on column metrics.quality_results.column_name is
'The column, where it is about one; null: about rows or the table';
comment on column metrics.quality_results.severity is
'fail: while it is not met, no figures become final; warn: somebody should look';
comment on column metrics.quality_results.success is
'Whether it is met';
comment on column metrics.quality_results.message is
'What is wrong if it is not, in one sentence';
comment on column metrics.quality_results.cure is
'What to do then';
comment on column metrics.quality_results.unexpected is
'Rows that do not meet it; null: it is not about rows';
comment on column metrics.quality_results.examples is
'Some of these rows, at most five: keys and figures, never what readers wrote';

create index quality_results_by_time on metrics.quality_results (checked_at);

create function metrics.blocked_since() returns timestamptz
language sql stable
as $$
    select min(run.checked_at)
    from (
        select
            result.checked_at,
            bool_or(result.severity = 'fail' and not result.success) as failed
        from metrics.quality_results as result
        where result.checked_at > now() - interval '7 days'
        group by result.checked_at
    ) as run
    where run.failed
        and run.checked_at > coalesce(
            (
                select max(good.checked_at)
                from (
                    select result.checked_at
                    from metrics.quality_results as result
                    where result.checked_at > now() - interval '7 days'
                    group by result.checked_at
                    having not bool_or(result.severity = 'fail' and not result.success)
                ) as good
            ),
            '-infinity'
        )
        -- A gate that nobody runs any more says nothing about today.
        and exists (
            select from metrics.quality_results as recent
            where recent.checked_at > now() - interval '1 day'
        )
$$;

comment on function metrics.blocked_since is
'Since when figures do not become final, because runs of the quality gate fail: the first failed run after the last good one, of the last seven days; null: they do. Runs older than a day, with none since, block nothing.';

create table ingest.audit_results (
    audited_at timestamptz not null,
    what text not null,
    name text not null,
    value double precision,
    detail text,
    check (what in ('lag', 'records', 'dead_letters', 'finding', 'drift')),
    primary key (audited_at, what, name)
);

comment on table ingest.audit_results is
'What each run of ingest_audit saw: one row per partition, code of dead letters, finding and drifting figure.';
comment on column ingest.audit_results.audited_at is
'When the run began; the same in all its rows';
comment on column ingest.audit_results.what is
'lag: offsets still to be read of a partition; records: read of it since the audit before; dead_letters: of a code since then; finding: what does not add up; drift: a figure that is not what the rows give';
comment on column ingest.audit_results.name is
'The partition, the code, or where the finding is';
comment on column ingest.audit_results.value is
'How many; null where it is not known or there is nothing to count';
comment on column ingest.audit_results.detail is
'The finding in a sentence, and what to do';

grant select, insert, update on metrics.quality_results to btl_scheduler;
grant select on metrics.quality_results to btl_reader, btl_moderator;
grant execute on function metrics.blocked_since to btl_scheduler;
grant select, insert on ingest.audit_results to btl_scheduler;

reset role;
