-- Roles, schemas, and the record of the files that made this database. This file runs as the role
-- that migrates; all other files run as btl_owner. Roles belong to the server, not to one database,
-- so they are created only where missing. They have no login: a site grants them to its own logins,
-- or gives them one, as the local stack does.
do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'btl_owner', 'btl_ingest', 'btl_scheduler', 'btl_reader', 'btl_moderator'
    ] loop
        begin
            execute format('create role %I nologin', role_name);
        exception
            when duplicate_object or unique_violation then null;
        end;
    end loop;
    -- Since Postgres 16 the creator of a role may give it away, but does not have its rights.
    if not pg_has_role(current_user, 'btl_owner', 'usage') then
        execute format('grant btl_owner to %I', current_user);
    end if;
end
$$;

create schema below_the_line authorization btl_owner;
create schema discussion authorization btl_owner;
create schema ingest authorization btl_owner;
create schema metrics authorization btl_owner;

comment on schema below_the_line is 'Which files of sql/ made this database';
comment on schema discussion is
'Articles, comments, reports and reactions as their events left them, and the closing windows';
comment on schema ingest is
'How events came in: positions, the ledger of batches, dead letters, marks of what changed';
comment on schema metrics is
'What analysts, editors and moderators query; a pure function of schema discussion';

grant usage on schema below_the_line to public;
grant usage on schema discussion to btl_ingest, btl_scheduler, btl_moderator;
grant usage on schema ingest to btl_ingest, btl_scheduler;
grant usage on schema metrics to btl_scheduler, btl_reader, btl_moderator;

set local role btl_owner;

create table below_the_line.files (
    name text collate "C" not null,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (name)
);

comment on table below_the_line.files is 'One row per file of sql/ that was applied here';
comment on column below_the_line.files.name is 'Path of the file below sql/';
comment on column below_the_line.files.sha256 is 'SHA-256 of its content when it was applied';
comment on column below_the_line.files.applied_at is 'When it was last applied';

grant select on below_the_line.files to public;
