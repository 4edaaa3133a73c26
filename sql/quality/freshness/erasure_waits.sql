-- Severity: warn
-- Says: an erasure has waited for more than an hour to be carried out
-- Do: look at the runs of apply_erasures; btl erase carries out what waits
-- Grain: one row if so. Re-run: reads only.
select count(*) as erasures, min(pending.requested_at) as oldest
from ingest.erasures as pending
where pending.completed_at is null
having min(pending.requested_at) < now() - interval '1 hour'
