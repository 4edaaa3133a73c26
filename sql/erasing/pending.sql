-- Purpose: the erasures that are still to be carried out, in the order of their numbers.
-- Parameters: erasure_ids (only these; null: all). Grain: one row per erasure. Re-run: safe; reads
--   only.
select
    erasure.erasure_id,
    erasure.kind,
    erasure.pseudonym,
    erasure.article_id,
    erasure.comment_id,
    erasure.erased_at,
    erasure.version,
    erasure.subject
from ingest.erasures as erasure
where erasure.completed_at is null
    and (%(erasure_ids)s::bigint[] is null or erasure.erasure_id = any(%(erasure_ids)s))
order by erasure.erasure_id
