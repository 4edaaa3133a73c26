-- Purpose: take locks until the transaction ends, waiting while others hold them.
-- Parameters: names (array): rows of ingest.locks.
-- Result: one row for each lock taken.
-- Grain: rows are locked in the order of their names, so that nobody waits in a circle.
-- Re-run: safe; a transaction may take its own locks again.
select lock.name
from ingest.locks as lock
where lock.name = any(%(names)s)
order by lock.name
for update;
