-- Purpose: where consumer groups stand.
-- Parameters: consumer_group (null: all of them).
-- Result: one row per group, topic and partition, in that order. owner_connected: whether the
--   session with which its owner took it is open now. A role that may not see when others'
--   sessions began goes by the process id alone.
-- Re-run: safe; it only reads.
select
    held.consumer_group,
    held.topic,
    held.partition,
    held.topic_id,
    held.incarnation,
    held.next_offset,
    held.epoch,
    held.owner,
    held.moved_at,
    held.status,
    held.status_detail,
    held.accepted_offset,
    held.owner is not null and exists (
        select from pg_stat_activity as session
        where
            session.pid = held.backend_pid
            and coalesce(session.backend_start, held.backend_start) = held.backend_start
    ) as owner_connected
from ingest.partition_offsets as held
where %(consumer_group)s::text is null or held.consumer_group = %(consumer_group)s
order by held.consumer_group, held.topic, held.partition
