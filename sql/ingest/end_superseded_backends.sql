-- Purpose: end the database sessions of owners that lost every partition and still hold a
--   transaction, and so row locks, open. A stalled zombie must not delay its successor.
-- Parameters: consumer_group, owner (the one that asks: only predecessors on its partitions count).
-- Result: process ids that were ended.
-- Re-run: safe; a backend is named by process id and start time, so a reused id is not mistaken.
select
    zombie.pid,
    pg_terminate_backend(zombie.pid) as ended
from pg_stat_activity as zombie
where
    zombie.xact_start is not null
    and zombie.pid <> pg_backend_pid()
    and exists (
        select from ingest.partition_offsets as mine
        where
            mine.consumer_group = %(consumer_group)s
            and mine.owner = %(owner)s
            and mine.superseded_pid = zombie.pid
            and mine.superseded_start = zombie.backend_start
    )
    and not exists (
        select from ingest.partition_offsets as theirs
        where
            theirs.backend_pid = zombie.pid
            and theirs.backend_start = zombie.backend_start
    );
