-- Purpose: the fence of erasures, last before the commit. Raises BTL02 if erasures were recorded
--   that this transaction did not apply: then nothing of it is kept.
-- Parameters: version (of the erasures that were applied).
-- Grain: one row. Re-run: safe; it keeps the version until the transaction ends.
select ingest.share_erasures(%(version)s);
