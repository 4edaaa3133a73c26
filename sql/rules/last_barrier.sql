-- The last barrier that was passed, by its cut-off: up to there windows may be applied. Grain: one row, if there is one.
-- Parameters: none. Reads only.
select barrier.barrier_id, barrier.cut_off, barrier.applied_at is not null as applied
from ingest.barriers as barrier
where barrier.passed_at is not null
order by barrier.cut_off desc, barrier.barrier_id desc
limit 1
