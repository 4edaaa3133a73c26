-- Purpose: the values of columns that the planner keeps, as ANALYZE last saw them.
-- Parameters: none.
-- Grain: one row per column with such values. Re-run: safe; it only reads.
select
    kept.schemaname as schema_name,
    kept.tablename as table_name,
    kept.attname as column_name,
    coalesce(kept.most_common_vals::text::text[], '{}')
    || coalesce(kept.histogram_bounds::text::text[], '{}')
    || coalesce(kept.most_common_elems::text::text[], '{}') as kept_values
from pg_stats as kept
where kept.schemaname not in ('pg_catalog', 'information_schema')
order by schema_name, table_name, column_name;
