-- Stores how far one partition reached when a barrier was taken.
-- Parameters: barrier_id, topic, partition, topic_id, log_start_offset, end_offset.
-- Grain: one row per partition.
-- Safe to re-run: in the transaction that stores the barrier, which an attempt does once.
insert into ingest.barrier_offsets (
    barrier_id, topic, partition, topic_id, log_start_offset, end_offset
)
values (
    %(barrier_id)s,
    %(topic)s,
    %(partition)s,
    %(topic_id)s,
    %(log_start_offset)s,
    %(end_offset)s
)
