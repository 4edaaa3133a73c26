-- Purpose: the sequences of the ledger that have old lines.
-- Parameters: before. Grain: one row per consumer group, topic, partition and incarnation.
-- Re-run: safe; it only reads.
select
    batch.consumer_group,
    batch.topic,
    batch.partition,
    batch.incarnation
from ingest.batches as batch
where batch.committed_at < %(before)s and batch.kind in ('batch', 'empty', 'gap')
group by batch.consumer_group, batch.topic, batch.partition, batch.incarnation
order by batch.consumer_group, batch.topic, batch.partition, batch.incarnation
