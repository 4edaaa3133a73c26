-- Purpose: ask for erasures that somebody else approves.
-- Parameters: kinds, subjects, article_ids, comment_ids (arrays of equal length), erased_at
--   (null: up to the approval), requested_by.
-- Grain: one row per subject, in their order; the request that is pending, if there is one.
-- Re-run: safe; a subject has one pending request.
with asked as (
    select each.*
    from unnest(
        %(kinds)s::text[], %(subjects)s::text[], %(article_ids)s::text[], %(comment_ids)s::text[]
    ) with ordinality as each (kind, subject, article_id, comment_id, place)
),

added as (
    insert into ingest.erasure_requests as request (
        kind, subject, article_id, comment_id, erased_at, requested_by
    )
    select
        asked.kind,
        asked.subject,
        asked.article_id,
        asked.comment_id,
        %(erased_at)s::timestamptz,
        %(requested_by)s::text
    from asked
    order by asked.place
    on conflict (kind, subject, article_id, comment_id) where state in ('open', 'approved')
    do nothing
    returning request.request_id, request.kind, request.subject, request.article_id,
        request.comment_id
),

pending as (
    select added.* from added
    union all
    select
        request.request_id,
        request.kind,
        request.subject,
        request.article_id,
        request.comment_id
    from ingest.erasure_requests as request
    where request.state in ('open', 'approved')
)

select pending.request_id
from asked
inner join pending
    on asked.kind = pending.kind
        and asked.subject is not distinct from pending.subject
        and asked.article_id is not distinct from pending.article_id
        and asked.comment_id is not distinct from pending.comment_id
order by asked.place;
