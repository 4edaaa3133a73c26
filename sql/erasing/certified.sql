-- Purpose: what certificates say of erasures.
-- Parameters: erasure_ids (null: any); pseudonyms_like (a pattern; null: any).
-- Grain: one row per erasure, by number. Re-run: safe; it only reads.
select
    erasure.erasure_id,
    erasure.kind,
    erasure.pseudonym,
    erasure.erased_at,
    erasure.origin,
    erasure.requested_at,
    erasure.completed_at,
    coalesce(erasure.found, '{}') as found
from ingest.erasures as erasure
where (%(erasure_ids)s::bigint[] is null or erasure.erasure_id = any(%(erasure_ids)s))
    and (%(pseudonyms_like)s::text is null or erasure.pseudonym like %(pseudonyms_like)s)
order by erasure.erasure_id;
