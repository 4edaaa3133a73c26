-- The oldest events of the outbox that are not sent. Parameters: bucket (at most this many).
-- Grain: one row per event, in order of writing, which within an article is the order of sequence.
-- Reads only.
select
    pending.outbox_id,
    pending.article_id,
    pending.comment_id,
    pending.event_id,
    pending.event_type,
    pending.effective_at,
    pending.data
from ingest.outbox as pending
where pending.status = 'pending'
order by pending.outbox_id
limit %(bucket)s
