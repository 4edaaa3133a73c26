-- Runs as: the role that migrates
--
-- Functions, those of the future included, are run only by the roles that their files name.
-- Temporary tables are made only by the roles that stage rows.
do $$
declare
    statement text;
begin
    if not exists (
        select from pg_database
        where datname = current_database() and pg_has_role(current_user, datdba, 'usage')
    ) then
        raise warning 'only the owner of database % may say who makes temporary tables',
            current_database();
        return;
    end if;
    foreach statement in array array[
        'revoke temporary on database %I from public, btl_reader, btl_moderator',
        'grant temporary on database %I to btl_owner, btl_ingest, btl_redrive, btl_scheduler'
    ] loop
        execute format(statement, current_database());
    end loop;
end
$$;

set local role btl_owner;

revoke execute on all routines in schema discussion, ingest, metrics from public;
alter default privileges revoke execute on routines from public;
