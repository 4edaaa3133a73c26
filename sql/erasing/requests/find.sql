-- Purpose: requests for erasures: one, or all that are open or being carried out.
-- Parameters: request_id (null: all that are pending).
-- Grain: one row per request, by number. Re-run: safe; it only reads.
select
    request.request_id,
    request.kind,
    request.subject,
    request.article_id,
    request.comment_id,
    request.erased_at,
    request.state,
    request.requested_at,
    request.requested_by,
    request.decided_at,
    request.decided_by
from ingest.erasure_requests as request
where request.request_id = %(request_id)s
    or (%(request_id)s::bigint is null and request.state in ('open', 'approved'))
order by request.request_id;
