-- Purpose: take ownership of partitions. Each gets the next epoch and the new owner, and keeps its
--   next_offset. A partition that is taken for the first time starts at the log start that the
--   brokers report.
-- Parameters: consumer_group, owner (uuid), topics, partitions, topic_ids, log_starts: arrays of
--   equal length.
-- Result: what is stored now, one row per partition. A stopped or tripped partition is taken too,
--   but must not be read. The session of the owner before is remembered until a third session takes
--   over: it may have to be ended.
-- Grain: one row per partition, locked in (topic, partition) order.
-- Re-run: safe; each run fences the one before, and moves no offset.
insert into ingest.partition_offsets as present (
    consumer_group,
    topic,
    partition,
    topic_id,
    next_offset,
    epoch,
    owner,
    backend_pid,
    backend_start
)
select
    %(consumer_group)s,
    assigned.topic,
    assigned.partition,
    assigned.topic_id,
    assigned.log_start,
    1,
    %(owner)s,
    backend.pid,
    backend.backend_start
from
    unnest(
        %(topics)s::text[],
        %(partitions)s::integer[],
        %(topic_ids)s::uuid[],
        %(log_starts)s::bigint[]
    ) as assigned (topic, partition, topic_id, log_start)
cross join pg_stat_get_activity(pg_backend_pid()) as backend
order by assigned.topic collate "C", assigned.partition
on conflict (consumer_group, topic, partition) do update set
    epoch = present.epoch + 1,
    owner = excluded.owner,
    superseded_pid = case
        when
            (present.backend_pid, present.backend_start)
            is distinct from (excluded.backend_pid, excluded.backend_start)
            then present.backend_pid
        else present.superseded_pid
    end,
    superseded_start = case
        when
            (present.backend_pid, present.backend_start)
            is distinct from (excluded.backend_pid, excluded.backend_start)
            then present.backend_start
        else present.superseded_start
    end,
    backend_pid = excluded.backend_pid,
    backend_start = excluded.backend_start,
    moved_at = clock_timestamp()
returning
    consumer_group,
    topic,
    partition,
    topic_id,
    incarnation,
    next_offset,
    epoch,
    owner,
    moved_at,
    status,
    status_detail,
    accepted_offset;
