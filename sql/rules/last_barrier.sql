-- The barrier with the greatest cut-off of those that have passed: windows may be applied up to it.
-- Parameters: none. Grain: one row, if any barrier has passed. Reads only.
select barrier.barrier_id, barrier.cut_off, barrier.applied_at is not null as applied
from ingest.barriers as barrier
where barrier.passed_at is not null
order by barrier.cut_off desc, barrier.barrier_id desc
limit 1
