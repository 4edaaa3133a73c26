-- Severity: warn
-- Says: no closing run has got past its barrier for two hours
-- Do: the failed runs of close_discussions name the partition that holds them back
-- Grain: one row if so; none where no barrier ever passed. Re-run: reads only.
select max(barrier.taken_at) as last_passed
from ingest.barriers as barrier
where barrier.passed_at is not null
having max(barrier.taken_at) < now() - interval '2 hours'
