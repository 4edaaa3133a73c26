-- Purpose: how many records were read per partition, and how many became dead letters per code,
--   since a time. A line of the ledger that was extended since counts whole, so records may be
--   some seconds older.
-- Parameters: since. Grain: one row per partition, and one per code. Re-run: safe; it only reads.
select
    'records' as what,
    batch.topic || '-' || batch.partition as name,
    sum(batch.records)::double precision as value
from ingest.batches as batch
where batch.committed_at >= %(since)s and batch.kind in ('batch', 'empty')
group by batch.topic, batch.partition
union all
select 'dead_letters', letter.code, count(*)
from ingest.dead_letters as letter
where letter.dead_lettered_at >= %(since)s
group by letter.code
order by what, name
