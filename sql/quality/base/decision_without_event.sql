-- Severity: fail
-- Says: the decision on a comment is not that of the event that it names: the row was changed by hand, or the history was
-- Do: btl explain comment ID --article ID says which event is right; redrive or reset to read it again
-- Grain: one row per comment. Re-run: reads only.
select comment.article_id, comment.comment_id, comment.decision, comment.decided_at
from discussion.comments as comment
where comment.decision_version is not null
    and not exists (
        select
        from discussion.moderation_decisions as event
        where event.article_id = comment.article_id
            and event.comment_id = comment.comment_id
            and event.version = comment.decision_version
            and event.decision = comment.decision
            and event.decided_at = comment.decided_at
    )
