-- Purpose: end the database sessions of owners that keep another consumer from taking their
--   partitions within lock_timeout. An owner that stalled between its fence and its commit holds
--   these rows. No time-out of the server ends it: it is inside a pipeline, not idle.
-- Parameters: consumer_group, topics, partitions: arrays of equal length.
-- Result: process ids that were ended.
-- Re-run: safe; a backend is named by process id and start time. One that did not stall loses a
--   batch, which its successor reads again: the group has given its partitions away.
select
    stalled.pid,
    pg_terminate_backend(stalled.pid) as ended
from pg_stat_activity as stalled
where
    stalled.xact_start < clock_timestamp() - interval '2 seconds'
    and stalled.pid <> pg_backend_pid()
    and exists (
        select from ingest.partition_offsets as wanted
        inner join unnest(%(topics)s::text[], %(partitions)s::integer[]) as mine (topic, partition)
            on wanted.topic = mine.topic and wanted.partition = mine.partition
        where
            wanted.consumer_group = %(consumer_group)s
            and wanted.backend_pid = stalled.pid
            and wanted.backend_start = stalled.backend_start
    );
