-- Records that a barrier has passed. Parameters: barrier_id. Grain: one row.
-- Safe to re-run: the first time stays.
update ingest.barriers
set passed_at = clock_timestamp()
where barrier_id = %(barrier_id)s and passed_at is null
