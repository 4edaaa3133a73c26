-- Purpose: the fence. Moves next_offset of every partition of the batch, or raises BTL01: then
--   nothing of the batch is kept.
-- Parameters: consumer_group, owner, and arrays of equal length: topics, partitions, epochs,
--   first_offsets, next_offsets.
-- Grain: one row of partition_offsets per partition.
-- Re-run: rejected, because first_offsets no longer match.
select
    ingest.advance_offsets(
        %(consumer_group)s,
        %(owner)s,
        %(topics)s::text[],
        %(partitions)s::integer[],
        %(epochs)s::bigint[],
        %(first_offsets)s::bigint[],
        %(next_offsets)s::bigint[]
    );
