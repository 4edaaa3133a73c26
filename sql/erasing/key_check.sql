-- Purpose: the proof of the key that made the pseudonyms. Parameters: none. Grain: one row.
-- Re-run: safe; reads only.
select present.key_check
from ingest.erasures_version as present
