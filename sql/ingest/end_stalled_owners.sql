-- Purpose: end database sessions of the present owners of partitions that another consumer wants to take and could not lock
--   within lock_timeout: an owner that stalled between its fence and its commit holds these very rows, and no time-out of the
--   server ends it, because it is in the middle of a pipeline and not idle.
-- Parameters: consumer_group, topics, partitions: arrays of equal length.
-- Result: process ids that were ended.
-- Re-run: safe; a backend is named by process id and start time. One that does not stall loses a batch, which is read again
--   by its successor: the group has given its partitions away.
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
