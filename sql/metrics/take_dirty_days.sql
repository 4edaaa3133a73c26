-- Purpose: take marks of days of sections whose figures must be computed again, the earliest days
--   first.
-- Parameters: limit (number of days), shard and shards (only blocks of 32 days whose number modulo
--   shards is shard; null: all).
-- Grain: one row per mark taken; a day may be marked often. Re-run: part of the transaction that
--   does the work; if that rolls back, the marks are back.
delete from ingest.dirty_days as mark
using (
    select oldest.site, oldest.section, oldest.day
    from ingest.dirty_days as oldest
    where
        %(shard)s::integer is null
        or mod((oldest.day - date '1970-01-01') / 32, %(shards)s) = %(shard)s::integer
    group by oldest.site, oldest.section, oldest.day
    order by oldest.day, oldest.site, oldest.section
    limit %(limit)s
) as taken
where
    mark.site = taken.site
    and mark.day = taken.day
    and mark.section is not distinct from taken.section
returning mark.site, mark.section, mark.day
