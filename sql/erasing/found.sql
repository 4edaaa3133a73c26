-- Purpose: what an erasure has wiped, by place. Parameters: erasure_id. Grain: one erasure.
-- Re-run: safe; reads only.
select coalesce(erasure.found, '{}')
from ingest.erasures as erasure
where erasure.erasure_id = %(erasure_id)s
