-- Purpose: when an audit begins, by the database's clock, and when the one before began (a day ago,
--   if there was none).
-- Parameters: none. Grain: one row. Re-run: safe; it only reads.
select
    clock_timestamp() as audited_at,
    coalesce(max(result.audited_at), clock_timestamp() - interval '1 day') as since
from ingest.audit_results as result
