-- Purpose: record erasures. Of one subject the latest counts; one that becomes later, or whose
--   person's id becomes known, is to be carried out again.
-- Parameters: version; origin; requested_by; kinds, pseudonyms, article_ids, comment_ids,
--   erased_at, subjects (arrays of equal length, each subject once).
-- Result: the numbers of the erasures that are new or changed.
-- What was found stays: the certificate counts all that was wiped of the subject.
-- Grain: one row per subject. Re-run: safe; a second time changes nothing.
insert into ingest.erasures as present (
    kind, pseudonym, article_id, comment_id, erased_at, version, subject, origin, requested_by
)
select
    asked.kind,
    asked.pseudonym,
    asked.article_id,
    asked.comment_id,
    asked.erased_at,
    %(version)s,
    asked.subject,
    %(origin)s,
    %(requested_by)s
from unnest(
    %(kinds)s::text[],
    %(pseudonyms)s::text[],
    %(article_ids)s::text[],
    %(comment_ids)s::text[],
    %(erased_at)s::timestamptz[],
    %(subjects)s::text[]
) as asked (kind, pseudonym, article_id, comment_id, erased_at, subject)
on conflict (kind, pseudonym, article_id, comment_id) do update set
    erased_at = greatest(present.erased_at, excluded.erased_at),
    version = excluded.version,
    subject = coalesce(excluded.subject, present.subject),
    origin = excluded.origin,
    requested_at = clock_timestamp(),
    requested_by = excluded.requested_by,
    completed_at = null
where
    excluded.erased_at > present.erased_at
    or (
        present.completed_at is null
        and present.subject is null
        and excluded.subject is not null
    )
returning present.erasure_id
