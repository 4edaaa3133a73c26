-- Purpose: the logins that read by a role for people, and which limits they have. Settings of a
--   role without a login do not reach its members, so each login needs its own.
-- Parameters: reading_roles, writing_roles (arrays): the logins of the first that have none of the
--   second.
-- Result: login, the roles it reads as, its connection limit (-1: none), and the names of settings
--   that it has here.
-- Grain: one row per login, without superusers. Re-run: safe; it only reads.
select
    login.rolname,
    array(
        select reading.rolname::text
        from pg_roles as reading
        where reading.rolname = any(%(reading_roles)s)
            and pg_has_role(login.oid, reading.oid, 'member')
        order by reading.rolname
    ) as reads_as,
    login.rolconnlimit,
    array(
        select distinct split_part(each, '=', 1)
        from pg_db_role_setting as setting
        cross join lateral unnest(setting.setconfig) as each
        where setting.setrole in (0, login.oid)
            and setting.setdatabase in (
                0, (select oid from pg_database where datname = current_database())
            )
    ) as settings
from pg_roles as login
where login.rolcanlogin
    and not login.rolsuper
    and exists (
        select from pg_roles as reading
        where reading.rolname = any(%(reading_roles)s)
            and pg_has_role(login.oid, reading.oid, 'member')
    )
    and not exists (
        select from pg_roles as writing
        where writing.rolname = any(%(writing_roles)s)
            and pg_has_role(login.oid, writing.oid, 'member')
    )
order by login.rolname;
