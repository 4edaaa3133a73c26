-- Purpose: the erasures that were recorded, or became later, after a version; with the present
--   version and the proof of the key, all of one moment.
-- Parameters: version.
-- Grain: one row per erasure, with the time in microseconds since 1970; without any, one row whose
--   kind is null.
-- Re-run: safe; it only reads.
select
    present.version,
    present.key_check,
    erasure.kind,
    erasure.pseudonym,
    erasure.article_id,
    erasure.comment_id,
    (extract(epoch from erasure.erased_at) * 1000000)::bigint as erased_at
from ingest.erasures_version as present
left join ingest.erasures as erasure on erasure.version > %(version)s;
