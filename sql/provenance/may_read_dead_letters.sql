-- Purpose: whether this role may read rejected records. Parameters: none. Grain: one row.
-- Re-run: safe; it only reads.
select has_column_privilege('ingest.dead_letters', 'record_value', 'select') as allowed
