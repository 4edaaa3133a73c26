-- Stores a barrier.
-- Parameters: attempt_id, run_id, consumer_group, taken_at, close_delay_seconds, grace_seconds.
-- Grain: the new barrier.
-- Safe to re-run: an attempt has one barrier; a second insert of the same attempt returns no row.
insert into ingest.barriers (attempt_id, run_id, consumer_group, taken_at, cut_off, grace_seconds)
values (
    %(attempt_id)s,
    %(run_id)s,
    %(consumer_group)s,
    %(taken_at)s,
    %(taken_at)s - make_interval(secs => %(close_delay_seconds)s),
    %(grace_seconds)s
)
on conflict (attempt_id) do nothing
returning barrier_id
