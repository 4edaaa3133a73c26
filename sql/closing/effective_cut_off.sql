-- Up to when windows are applied behind a barrier: its cut-off or, if a later one was applied before it, that one, so that
-- no run takes back what another has done. Parameters: barrier_id. Grain: one row, if the barrier exists. Reads only.
select
    barrier.passed_at is not null as passed,
    greatest(
        barrier.cut_off,
        (select max(applied.cut_off) from ingest.barriers as applied where applied.applied_at is not null)
    ) as cut_off
from ingest.barriers as barrier
where barrier.barrier_id = %(barrier_id)s
