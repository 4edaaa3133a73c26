-- Purpose: keep the ids of people that were found by their pseudonyms, until they are wiped.
-- Parameters: erasure_ids, subjects (arrays of equal length). Grain: one erasure each. Re-run:
--   safe; the same ids are found again.
update ingest.erasures as erasure
set subject = found.subject
from unnest(%(erasure_ids)s::bigint[], %(subjects)s::text[]) as found (erasure_id, subject)
where erasure.erasure_id = found.erasure_id
    and erasure.completed_at is null
