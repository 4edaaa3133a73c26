-- Severity: fail
-- Says: the decision on a comment is not that of its last event: the row was changed by hand, or
--   the history was
-- Do: btl explain comment ID --article ID says which event is right; redrive or reset to read it
--   again
-- Grain: one row per comment. Re-run: reads only.
select
    coalesce(comment.article_id, event.article_id) as article_id,
    coalesce(comment.comment_id, event.comment_id) as comment_id,
    comment.decision,
    comment.decided_at,
    event.decision as decision_of_event,
    event.decided_at as decided_at_of_event
from (
    select
        decided.article_id,
        decided.comment_id,
        decided.decision,
        decided.decided_at,
        decided.decision_version
    from discussion.comments as decided
    where decided.decision is not null or decided.decided_at is not null
) as comment
full join (
    select distinct on (listed.article_id, listed.comment_id)
        listed.article_id,
        listed.comment_id,
        listed.decision,
        listed.decided_at,
        listed.version
    from discussion.moderation_decisions as listed
    order by listed.article_id, listed.comment_id, listed.version desc
) as event on event.article_id = comment.article_id and event.comment_id = comment.comment_id
where (comment.decision_version, comment.decision, comment.decided_at)
    is distinct from (event.version, event.decision, event.decided_at)
