-- Tables of what was said: rows are products of independent registers, each merged by its own version.
-- No foreign keys: events arrive in any order, a row made by a later event is a stub until its own event comes.
set local role btl_owner;

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
