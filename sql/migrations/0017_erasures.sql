-- Runs as: the role that migrates
--
-- Erasures: what must be forgotten, kept so that a replay cannot bring it back. And the role that
-- carries them out.
do $$
begin
    if not exists (select from pg_roles where rolname = 'btl_erase') then
        create role btl_erase nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
end
$$;

-- It stages rows, like the other services.
do $$
begin
    if exists (
        select from pg_database
        where datname = current_database() and pg_has_role(current_user, datdba, 'usage')
    ) then
        execute format('grant temporary on database %I to btl_erase', current_database());
    else
        raise warning 'only the owner of database % may let btl_erase make temporary tables',
            current_database();
    end if;
end
$$;

set local role btl_owner;

create table ingest.erasures (
    erasure_id bigint generated always as identity,
    kind text not null,
    pseudonym text collate "C",
    article_id text collate "C",
    comment_id text collate "C",
    erased_at timestamptz not null,
    version bigint not null,
    subject text collate "C",
    origin text not null,
    requested_at timestamptz not null default clock_timestamp(),
    requested_by text,
    completed_at timestamptz,
    found jsonb,
    check (kind in ('user', 'reporter', 'comment')),
    check (origin in ('command', 'dag', 'event', 'import')),
    check ((kind = 'comment') = (pseudonym is null)),
    check ((kind = 'comment') = (article_id is not null and comment_id is not null)),
    check (completed_at is null or subject is null),
    primary key (erasure_id),
    unique nulls not distinct (kind, pseudonym, article_id, comment_id)
);

comment on table ingest.erasures is
'What must be forgotten: one row per person or comment. Applied to every event up to erased_at '
'before it is merged, whenever it comes. Without the key of the pseudonyms no id can be read from '
'it.';
comment on column ingest.erasures.erasure_id is 'Number of the erasure';
comment on column ingest.erasures.kind is
'user: a signed-in person; reporter: one who reported without signing in; comment: one comment';
comment on column ingest.erasures.pseudonym is
'What stands in place of the person''s id: a keyed hash; null: a comment';
comment on column ingest.erasures.article_id is 'Of a comment: its article';
comment on column ingest.erasures.comment_id is 'The comment; null: a person';
comment on column ingest.erasures.erased_at is
'Events up to this time are forgotten. Later ones are those of a new person';
comment on column ingest.erasures.version is
'Value of ingest.erasures_version when the row last changed';
comment on column ingest.erasures.subject is
'The person''s id, only until everything is wiped; null: it is, or a comment';
comment on column ingest.erasures.origin is
'Who asked: command (btl erase), dag (erase_commenter), event (commenter.erased) or import';
comment on column ingest.erasures.requested_at is 'When it was recorded';
comment on column ingest.erasures.requested_by is 'Who recorded it; null: not known';
comment on column ingest.erasures.completed_at is
'When everything was wiped; null: it is still to be done';
comment on column ingest.erasures.found is
'How much was found and wiped, by place: numbers only; null: still to be done';

create index erasures_by_version on ingest.erasures (version);

create table ingest.erasures_version (
    only_row boolean not null default true,
    version bigint not null,
    key_check text collate "C",
    check (only_row),
    primary key (only_row)
);

comment on table ingest.erasures_version is
'One row, which keeps recording and merging apart: who records an erasure changes it, who merges '
'events shares it until the commit, and starts again if the version is not the one it knows.';
comment on column ingest.erasures_version.only_row is 'Always true';
comment on column ingest.erasures_version.version is 'Number of changes of ingest.erasures so far';
comment on column ingest.erasures_version.key_check is
'Proof of the key (BTL_ERASURE_KEY) that made the pseudonyms; null: none was made yet';

insert into ingest.erasures_version (version)
values (0);

alter table discussion.comments add column erased_at timestamptz;
alter table discussion.reports add column erased_at timestamptz;

comment on column discussion.comments.erased_at is
'Its texts up to this time are erased, and its author''s name; null: not erased';
comment on column discussion.reports.erased_at is
'Its reporter is erased, with note and law; null: not erased';

grant select (erased_at) on discussion.comments, discussion.reports to btl_scheduler;

grant select on ingest.erasures, ingest.erasures_version
to btl_ingest, btl_redrive, btl_scheduler, btl_erase;
revoke select on ingest.erasures from btl_scheduler;
grant select (
    erasure_id, kind, pseudonym, article_id, comment_id, erased_at, version, origin, requested_at,
    completed_at, found
) on ingest.erasures to btl_scheduler;
grant insert on ingest.erasures to btl_ingest, btl_erase;
grant update (
    erased_at, version, subject, origin, requested_at, requested_by, completed_at, found
) on ingest.erasures to btl_ingest, btl_erase;
-- A row is shared only by who may change it.
grant update (version, key_check) on ingest.erasures_version to btl_ingest, btl_redrive, btl_erase;

-- What wiping reads and changes.
grant usage on schema discussion, ingest, metrics to btl_erase;
grant select, insert, update, delete on
    discussion.comments,
    discussion.comment_edits,
    discussion.reports,
    discussion.report_decisions,
    discussion.reactions
to btl_erase;
grant select on
    discussion.articles,
    discussion.article_versions,
    discussion.discussion_overrides,
    discussion.moderation_decisions
to btl_erase;
grant select, insert on ingest.dirty_articles to btl_erase;
grant select, insert, update, delete on ingest.dirty_reporters to btl_erase;
grant select, update, delete on ingest.dead_letters to btl_erase;
grant select, update on ingest.partition_offsets to btl_erase;
grant select, insert, update, delete on
    metrics.article_reporters,
    metrics.article_commenters,
    metrics.daily_commenters,
    metrics.reporter_accuracy,
    metrics.open_reports
to btl_erase;
grant select, update on metrics.quality_results to btl_erase;

-- Completing what a newly erased comment has in the tables already is part of every merge.
grant update (body, source, event_id, digest, version) on discussion.comment_edits
to btl_ingest, btl_redrive;
grant update (explanation, source, event_id, digest, version) on discussion.report_decisions
to btl_ingest, btl_redrive;
grant delete on discussion.comment_edits, discussion.report_decisions to btl_ingest, btl_redrive;
