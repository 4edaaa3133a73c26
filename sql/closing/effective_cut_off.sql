-- Up to when windows are applied behind a barrier, and after how long figures become final. That is
-- the greatest cut-off of this barrier and of all that have passed, so that no run takes back what
-- another has done, or had begun when it was killed.
-- Parameters: barrier_id.
-- Grain: one row, if the barrier exists. Reads only.
select
    barrier.passed_at is not null as passed,
    greatest(
        barrier.cut_off,
        (select max(other.cut_off) from ingest.barriers as other where other.passed_at is not null)
    ) as cut_off,
    barrier.grace_seconds
from ingest.barriers as barrier
where barrier.barrier_id = %(barrier_id)s
