-- Severity: warn
-- Says: nothing has been ingested for a day
-- Do: btl status, and the /readyz of the consumers, say whether they run; then ask those who
--   produce
-- Grain: one row if so; none where nothing ever was ingested. Re-run: reads only.
select max(batch.committed_at) as last_commit
from ingest.batches as batch
having max(batch.committed_at) < now() - interval '1 day'
