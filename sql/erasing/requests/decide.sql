-- Purpose: approve or decline a request. A declined one forgets whom it was about.
-- Parameters: request_id, approved, decided_by.
-- Grain: one request; no row if it is not open. Re-run: safe; it changes nothing.
update ingest.erasure_requests as request
set
    state = case when %(approved)s then 'approved' else 'declined' end,
    erased_at = case
        when %(approved)s then coalesce(request.erased_at, clock_timestamp()) else request.erased_at
    end,
    subject = case when %(approved)s then request.subject end,
    decided_at = clock_timestamp(),
    decided_by = %(decided_by)s
where request.request_id = %(request_id)s
    and request.state = 'open'
returning request.request_id;
