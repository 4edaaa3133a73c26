-- Severity: fail
-- Says: the text of a comment is not that of the edit that it names: the row was changed by hand, or the history was
-- Do: btl explain comment ID --article ID says which event is right; redrive or reset to read it again
-- Grain: one row per comment. Re-run: reads only.
select comment.article_id, comment.comment_id, comment.edited_at
from discussion.comments as comment
where comment.edited_version is not null
    and not exists (
        select
        from discussion.comment_edits as event
        where event.article_id = comment.article_id
            and event.comment_id = comment.comment_id
            and event.version = comment.edited_version
            and event.body = comment.edited_body
            and event.edited_at = comment.edited_at
    )
