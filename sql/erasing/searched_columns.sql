-- Purpose: every column in which a text may stand: of tables and materialized views, whatever their
--   schema, so that new ones are searched, too. System tables are left out.
-- Parameters: none.
-- Grain: one row per column, by table and place in it. Re-run: safe; it only reads.
select
    namespace.nspname as schema_name,
    relation.relname as table_name,
    attribute.attname as column_name,
    case
        when coalesce(element.typname, type.typname) = 'bytea' then 'bytes'
        when element.typname in ('json', 'jsonb') then 'text'
        when type.typname in ('json', 'jsonb') then 'json'
        else 'text'
    end as kind,
    type.typcategory = 'A' as is_array,
    has_column_privilege(relation.oid, attribute.attnum, 'select')
    and has_schema_privilege(namespace.oid, 'usage')
    and not row_security_active(relation.oid) as may_be_read,
    relation.relkind = 'f' as is_foreign
from pg_class as relation
inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
inner join pg_attribute as attribute on relation.oid = attribute.attrelid
inner join pg_type as type on attribute.atttypid = type.oid
left join pg_type as element on type.typelem = element.oid and type.typcategory = 'A'
where relation.relkind in ('r', 'm', 'f')
    and relation.relpersistence <> 't'
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and attribute.attnum > 0
    and not attribute.attisdropped
    -- Numbers, times, booleans, enumerations and addresses hold neither ids nor texts of people.
    and coalesce(element.typcategory, type.typcategory) in ('S', 'U', 'C', 'X', 'Z', 'P')
order by schema_name, table_name, attribute.attnum;
