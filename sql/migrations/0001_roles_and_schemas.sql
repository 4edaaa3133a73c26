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
