-- Purpose: open dead letters that will be deleted soon.
-- Parameters: now, kept_days (after which they go), within_days.
-- Grain: one row: how many, and when the first one goes (null: none). Re-run: safe; it only reads.
select
    count(*) as letters,
    min(letter.dead_lettered_at) + make_interval(days => %(kept_days)s) as first_goes_at
from ingest.dead_letters as letter
where letter.status = 'open'
    and letter.dead_lettered_at
    < %(now)s::timestamptz + make_interval(days => %(within_days)s - %(kept_days)s)
