-- Purpose: the proof of the key of the recorded erasures; null: it was not kept.
-- Parameters: none.
-- Grain: one row; none if no erasure is recorded. Re-run: safe; it only reads.
select present.key_check
from ingest.erasures_version as present
where exists (select from ingest.erasures);
