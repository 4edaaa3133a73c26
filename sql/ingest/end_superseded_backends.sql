-- Purpose: end the database sessions of owners that lost their partitions and still hold a
--   transaction, and so row locks, open. A stalled zombie must not delay its successors, also while
--   it copies rows straight into a table: no time-out of the server ends that.
-- Parameters: consumer_group, owner (the one that asks), application_name (of consumers).
-- Result: process ids that were ended: of the owners before on its partitions those that have no
--   partition left, or whose transaction is old; and those of other consumers without a partition
--   whose transaction is old: several others may have come since.
-- Re-run: safe; a backend is named by process id and start time, so a reused id is not mistaken.
--   One that did not stall loses a batch, and reads it again.
with session as (
    select
        other.pid,
        other.xact_start < clock_timestamp() - interval '2 seconds' as is_old,
        other.application_name = %(application_name)s as is_consumer,
        exists(
            select from ingest.partition_offsets as mine
            where
                mine.consumer_group = %(consumer_group)s
                and mine.owner = %(owner)s
                and mine.superseded_pid = other.pid
                and mine.superseded_start = other.backend_start
        ) as is_superseded,
        exists(
            select from ingest.partition_offsets as theirs
            where
                theirs.backend_pid = other.pid
                and theirs.backend_start = other.backend_start
        ) as is_owner
    from pg_stat_activity as other
    where
        other.xact_start is not null
        and other.datname = current_database()
        and other.pid <> pg_backend_pid()
)

select
    pid,
    pg_terminate_backend(pid) as ended
from session
where
    (is_superseded and (is_old or not is_owner))
    or (is_consumer and is_old and not is_owner);
