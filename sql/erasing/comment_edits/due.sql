-- Purpose: lock the edits of erased comments that still have their text, in key order.
-- Parameters: article_ids, comment_ids (arrays of equal length); limit.
-- Result: key and version. Grain: one row per edit. Re-run: safe; what is wiped is not found again.
select edit.article_id, edit.source, edit.event_id, edit.digest, edit.version
from discussion.comment_edits as edit
inner join discussion.comments as comment
    on comment.article_id = edit.article_id and comment.comment_id = edit.comment_id
where
    (comment.article_id, comment.comment_id) in (
        select * from unnest(%(article_ids)s::text[], %(comment_ids)s::text[])
    )
    and edit.occurred_at <= comment.erased_at
    and edit.body != ''
order by edit.article_id, edit.source, edit.event_id, edit.digest
limit %(limit)s
for update of edit
