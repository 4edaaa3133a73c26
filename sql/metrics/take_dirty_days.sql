-- Takes marks of days of sections whose figures must be computed again.
-- Parameters: bucket (so many of the earliest days), shard and shards (of blocks of 32 days, every so manieth; null: all). Grain: one row per mark taken; the same day may be marked often.
-- Safe to re-run: part of the transaction that does the work; if that rolls back, the marks are back.
delete from ingest.dirty_days as mark
using (
    select oldest.site, oldest.section, oldest.day
    from ingest.dirty_days as oldest
    where %(shard)s::integer is null or mod((oldest.day - date '1970-01-01') / 32, %(shards)s) = %(shard)s::integer
    group by oldest.site, oldest.section, oldest.day
    order by oldest.day, oldest.site, oldest.section
    limit %(bucket)s
) as taken
where mark.site = taken.site and mark.day = taken.day and mark.section is not distinct from taken.section
returning mark.site, mark.section, mark.day
