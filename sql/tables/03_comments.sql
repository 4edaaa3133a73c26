-- Comments, and every edit of one and every decision about one.
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
'One row per comment that any event named. Registers: posting (least version), edited body '
'(greatest), deletion (least) and decision (greatest).';
comment on column discussion.comments.user_id is 'Who posted it; null: no posting yet (a stub)';
comment on column discussion.comments.display_name is 'Name of the author as shown';
comment on column discussion.comments.role is 'reader or staff';
comment on column discussion.comments.parent_comment_id is 'The comment it replies to; null: none';
comment on column discussion.comments.posted_at is 'When it was posted';
comment on column discussion.comments.held is 'Posted to wait for the approval of a moderator';
comment on column discussion.comments.first_body is 'Its text as posted';
comment on column discussion.comments.posted_version is 'Version of the posting; null: a stub';
comment on column discussion.comments.edited_body is
'Its text after the last edit; null: not edited. Readers see coalesce(edited_body, first_body)';
comment on column discussion.comments.edited_at is 'When the last edit was made';
comment on column discussion.comments.edited_version is 'Version of the last edit';
comment on column discussion.comments.deleted_at is 'When its author deleted it';
comment on column discussion.comments.deleted_version is 'Version of the deletion';
comment on column discussion.comments.decision is 'Last decision: approved or rejected';
comment on column discussion.comments.decision_reason is 'Reason of that decision';
comment on column discussion.comments.decision_automated is 'Whether a machine made that decision';
comment on column discussion.comments.decided_by is 'Who made that decision';
comment on column discussion.comments.decided_at is 'When that decision was made';
comment on column discussion.comments.decision_version is 'Version of that decision';

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

comment on table discussion.comment_edits is 'Every edit of a comment: append-only.';
comment on column discussion.comment_edits.body is 'The text after the edit';
comment on column discussion.comment_edits.edited_at is 'When the edit was made';

create index comment_edits_by_comment on discussion.comment_edits (article_id, comment_id);

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
'Every decision about a comment, by a person or a machine: append-only.';
comment on column discussion.moderation_decisions.decision is 'approved or rejected';
comment on column discussion.moderation_decisions.reason is 'Reason of the decision';
comment on column discussion.moderation_decisions.automated is 'Whether a machine decided';

create index moderation_decisions_by_comment
on discussion.moderation_decisions (article_id, comment_id);

grant select, insert on discussion.comment_edits, discussion.moderation_decisions to btl_ingest;
grant select, insert, update on discussion.comments to btl_ingest;
grant select on
    discussion.comments,
    discussion.comment_edits,
    discussion.moderation_decisions
to btl_scheduler;
