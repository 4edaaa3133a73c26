-- Purpose: rejected records by code, with the message of one of them.
-- Grain: one row per code.
-- Re-run: reads only.
select
    code,
    min(stage) as stage,
    count(*) as records,
    (array_agg(message order by topic, partition, record_offset))[1] as example
from ingest.dead_letters
group by code
order by records desc, code;
