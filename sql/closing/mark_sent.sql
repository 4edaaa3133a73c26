-- Records that the broker has acknowledged events. Parameters: outbox_ids. Grain: one row per
-- event. Safe to re-run: the first time stays.
update ingest.outbox as kept
set status = 'sent', sent_at = clock_timestamp()
where kept.outbox_id = any(%(outbox_ids)s) and kept.status = 'pending'
