-- Takes marks of days of sections whose figures must be computed again.
-- Parameters: bucket (so many of the earliest days). Grain: one row per mark taken; the same day may be marked often.
-- Safe to re-run: part of the transaction that does the work; if that rolls back, the marks are back.
delete from ingest.dirty_days as mark
using (
    select oldest.site, oldest.section, oldest.day
    from ingest.dirty_days as oldest
    group by oldest.site, oldest.section, oldest.day
    order by oldest.day, oldest.site, oldest.section
    limit %(bucket)s
) as taken
where mark.site = taken.site and mark.day = taken.day and mark.section is not distinct from taken.section
returning mark.site, mark.section, mark.day
