-- Purpose: keep apart the batches that make a comment or report erased, and those with texts that
--   are erased only if it is.
-- Parameters: buckets, alone (arrays of equal length).
-- Grain: one row. Re-run: safe; a transaction may take its own locks again.
select ingest.lock_articles(%(buckets)s::integer[], %(alone)s::boolean[]);
