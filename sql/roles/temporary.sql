-- Purpose: which of these roles may make temporary tables in this database; public stands for every
--   role. Postgres keeps such rights outside of the database: a restore does not bring them back.
-- Parameters: roles (array).
-- Grain: one row per role that may. Re-run: safe; it only reads.
select case granted.grantee when 0 then 'public' else granted.grantee::regrole::text end as role
from pg_database as database
cross join
    aclexplode(coalesce(database.datacl, acldefault('d', database.datdba))) as granted
where database.datname = current_database()
    and granted.privilege_type = 'TEMPORARY'
    and (
        granted.grantee = 0
        or granted.grantee in (
            select role.oid
            from pg_roles as role
            where role.rolname = any(%(roles)s)
        )
    )
order by role;
