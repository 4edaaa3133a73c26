-- Records that windows were applied behind a barrier. Parameters: barrier_id. Grain: one row.
-- Safe to re-run: the first time stays.
update ingest.barriers
set applied_at = clock_timestamp()
where barrier_id = %(barrier_id)s and applied_at is null
