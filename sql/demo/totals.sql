-- Purpose: the ledger in one line: what happened to every record read.
-- Grain: one row.
-- Re-run: reads only.
select
    coalesce(sum(records), 0)::bigint as records,
    coalesce(sum(applied), 0)::bigint as applied,
    coalesce(sum(unchanged), 0)::bigint as unchanged,
    coalesce(sum(dead_lettered), 0)::bigint as dead_lettered,
    (select count(*) from discussion.articles) as articles,
    (select count(*) from discussion.comments) as comments,
    (select count(*) from ingest.dirty_articles) as marks
from ingest.batches;
