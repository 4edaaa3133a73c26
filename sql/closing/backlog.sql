-- How many events of the outbox wait to be sent, and since when. Parameters: none. Grain: one row.
-- Reads only.
select count(*) as events, min(pending.created_at) as since
from ingest.outbox as pending
where pending.status = 'pending'
