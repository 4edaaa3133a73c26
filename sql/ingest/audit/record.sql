-- Purpose: keep one line of what an audit saw. Parameters: the columns of ingest.audit_results.
-- Grain: one row. Re-run: an audit has a time of its own; nothing is replaced.
insert into ingest.audit_results (audited_at, what, name, value, detail)
values (%(audited_at)s, %(what)s, %(name)s, %(value)s, %(detail)s)
