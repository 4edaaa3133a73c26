-- Purpose: end the requests for what is erased now, and forget whom they were about.
-- Parameters: kinds, subjects, article_ids, comment_ids (arrays of equal length), decided_by (of
--   those that nobody decided on).
-- Grain: one row per request that is ended. Re-run: safe; ended ones are not found again.
update ingest.erasure_requests as request
set
    state = 'done',
    erased_at = coalesce(request.erased_at, clock_timestamp()),
    subject = null,
    decided_at = coalesce(request.decided_at, clock_timestamp()),
    decided_by = coalesce(request.decided_by, %(decided_by)s)
from unnest(
    %(kinds)s::text[], %(subjects)s::text[], %(article_ids)s::text[], %(comment_ids)s::text[]
) as erased (kind, subject, article_id, comment_id)
where request.state in ('open', 'approved')
    and request.kind = erased.kind
    and request.subject is not distinct from erased.subject
    and request.article_id is not distinct from erased.article_id
    and request.comment_id is not distinct from erased.comment_id
returning request.request_id;
