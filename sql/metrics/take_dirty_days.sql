-- Purpose: take marks of days of sections whose figures must be computed again, the earliest days
--   first.
-- Parameters: limit (number of days), shard and shards (only blocks of 32 days whose number modulo
--   shards is shard; null: all).
-- Grain: one row per site, section and day, with the parts of the people that any of its marks asks
--   to count. Re-run: part of the transaction that does the work; if that rolls back, the marks are
--   back.
with taken as (
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
    ) as next
    where
        mark.site = next.site
        and mark.day = next.day
        and coalesce(mark.section, '') = coalesce(next.section, '')
    returning mark.site, mark.section, mark.day, mark.parts
)

select taken.site, taken.section, taken.day, bit_or(taken.parts) as parts
from taken
group by taken.site, taken.section, taken.day
order by taken.day, taken.site, taken.section
