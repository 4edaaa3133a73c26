-- Purpose: all erasures, without ids of people. Parameters: none. Grain: one row per erasure, in
--   the order of their numbers. Re-run: safe; reads only.
select
    erasure.kind,
    erasure.pseudonym,
    erasure.article_id,
    erasure.comment_id,
    erasure.erased_at
from ingest.erasures as erasure
order by erasure.erasure_id
