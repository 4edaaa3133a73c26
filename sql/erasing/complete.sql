-- Purpose: end an erasure: the person's id goes, what was wiped stays as the certificate.
-- Parameters: erasure_id; version (of the erasure that was carried out: one that became later
--   meanwhile is not ended). Result: counts by place; no row if it is not ended.
-- Grain: one erasure. Re-run: safe; an erasure that is ended stays as it is.
update ingest.erasures as erasure
set
    completed_at = clock_timestamp(),
    subject = null,
    found = coalesce(erasure.found, '{}')
where erasure.erasure_id = %(erasure_id)s
    and erasure.version = %(version)s
    and erasure.completed_at is null
returning erasure.found
