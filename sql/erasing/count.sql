-- Purpose: add to what an erasure has wiped so far, in the transaction that wiped it: so the sum is
--   right wherever a run was killed.
-- Parameters: erasure_id, place, rows. Grain: one erasure. Re-run: part of the transaction that
--   wipes; if that rolls back, so does the sum.
update ingest.erasures as erasure
set
    found = coalesce(erasure.found, '{}') || jsonb_build_object(
        %(place)s::text, coalesce((erasure.found ->> %(place)s::text)::bigint, 0) + %(rows)s
    )
where erasure.erasure_id = %(erasure_id)s
