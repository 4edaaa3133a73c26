-- Purpose: count the events that share source and id but not their content, one process at a time.
-- Parameters: none. Result: one row with the count; no row while another session counts.
-- Grain: all events that are kept. Reads every version there is: run it seldom and with a time-out.
-- Re-run: safe; it only reads.
with turn as materialized (
    select lock.name
    from ingest.locks as lock
    where lock.name = 'event id conflicts'
    for update skip locked
)

select (select count(*) from ingest.event_id_conflicts) as conflicts
from turn
