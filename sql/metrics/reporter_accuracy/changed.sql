-- The reporters whose accuracy is about to change, on which the order of the moderation queue
-- depends.
-- Parameters: user_ids; computed_reporter_accuracy is staged. Grain: one row per reporter. Reads
--   only.
select coalesce(computed.user_id, before.user_id)
from computed_reporter_accuracy as computed
full join (
    select kept.user_id, kept.accuracy
    from metrics.reporter_accuracy as kept
    where kept.user_id = any(%(user_ids)s)
) as before on before.user_id = computed.user_id
where before.accuracy is distinct from computed.accuracy
