-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
select
    staged.relname as staging_table,
    member.attname as column_name,
    format_type(member.atttypid, null) as type_name
from pg_class as staged
inner join pg_attribute as member on staged.oid = member.attrelid
where
    staged.relnamespace = pg_my_temp_schema()
    and staged.relkind = 'r'
    and member.attnum > 0
order by staged.relname, member.attnum;
