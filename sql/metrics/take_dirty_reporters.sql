-- Purpose: take marks of reporters whose figures must be computed again.
-- Parameters: limit (number of reporters). Grain: one row per mark taken; a reporter may be marked
--   often.
-- Re-run: part of the transaction that does the work; if that rolls back, the marks are back.
delete from ingest.dirty_reporters as mark
where mark.user_id in (
    select oldest.user_id
    from ingest.dirty_reporters as oldest
    group by oldest.user_id
    order by oldest.user_id
    limit %(limit)s
)
returning mark.user_id
