-- Writes events into the outbox, and into the ledger of announced events.
-- Parameters: articles, sequences, event_ids, event_types, comment_ids, effective_ats, causes,
-- data, suppressed: arrays of equal length.
-- Grain: one row per event.
-- Safe to re-run: it runs in the transaction of the changes that it announces. To announce an event
-- twice is an error: both tables hold an id once.
with event as materialized (
    select event.*
    from unnest(
        %(articles)s::text[],
        %(sequences)s::bigint[],
        %(event_ids)s::uuid[],
        %(event_types)s::text[],
        %(comment_ids)s::text[],
        %(effective_ats)s::timestamptz[],
        %(causes)s::text[],
        %(data)s::text[],
        %(suppressed)s::boolean[]
    ) as event (
        article_id, sequence, event_id, event_type, comment_id, effective_at, cause, data,
        suppressed
    )
),

remembered as (
    insert into discussion.told_events (
        article_id, sequence, event_id, event_type, comment_id, effective_at, suppressed
    )
    select
        event.article_id,
        event.sequence,
        event.event_id,
        event.event_type,
        event.comment_id,
        event.effective_at,
        event.suppressed
    from event
)

insert into ingest.outbox (
    article_id, sequence, event_id, event_type, comment_id, effective_at, cause, data, status
)
select
    event.article_id,
    event.sequence,
    event.event_id,
    event.event_type,
    event.comment_id,
    event.effective_at,
    event.cause,
    event.data::jsonb,
    case when event.suppressed then 'suppressed' else 'pending' end
from event
order by event.article_id, event.sequence
