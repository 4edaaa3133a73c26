-- Severity: fail
-- Says: the text of a comment is not that of its last edit: the row was changed by hand, or the
--   history was
-- Do: btl explain comment ID --article ID says which event is right; redrive or reset to read it
--   again
-- Grain: one row per comment. Re-run: reads only.
select
    coalesce(comment.article_id, event.article_id) as article_id,
    coalesce(comment.comment_id, event.comment_id) as comment_id,
    comment.edited_at,
    event.edited_at as edited_at_of_event
from (
    select
        edited.article_id,
        edited.comment_id,
        edited.edited_body,
        edited.edited_at,
        edited.edited_version
    from discussion.comments as edited
    where edited.edited_version is not null or edited.edited_at is not null
) as comment
full join (
    select distinct on (listed.article_id, listed.comment_id)
        listed.article_id,
        listed.comment_id,
        listed.body,
        listed.edited_at,
        listed.version
    from discussion.comment_edits as listed
    order by listed.article_id, listed.comment_id, listed.version desc
) as event on event.article_id = comment.article_id and event.comment_id = comment.comment_id
where (comment.edited_version, comment.edited_body, comment.edited_at)
    is distinct from (event.version, event.body, event.edited_at)
