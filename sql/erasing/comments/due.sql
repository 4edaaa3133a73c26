-- Purpose: lock, of some comments, those with something still to wipe, in key order.
-- A person's: the posting is of the time of the erasure. A comment's own erasure: the posting or an
-- edit is.
-- Parameters: article_ids, comment_ids (arrays of equal length); person (the id, null: not known),
--   pseudonym (both null: an erasure of the comments themselves); erased_at; until (versions of
--   events up to erased_at are less); limit.
-- Result: key; user_id; what it was posted and edited with, null where nothing is to be wiped.
-- Grain: one row per comment. Re-run: safe; what is wiped is not found again.
select
    comment.article_id,
    comment.comment_id,
    comment.user_id,
    case when comment.first_body != '' and comment.posted_version < %(until)s
        then comment.posted_version end as posted_version,
    case when comment.edited_body != '' and comment.edited_version < %(until)s
        then comment.edited_version end as edited_version
from discussion.comments as comment
where
    (comment.article_id, comment.comment_id) in (
        select * from unnest(%(article_ids)s::text[], %(comment_ids)s::text[])
    )
    and case
        when %(pseudonym)s::text is not null
            then comment.user_id in (%(person)s::text, %(pseudonym)s::text)
                and comment.posted_version < %(until)s
        else
            comment.posted_version < %(until)s
            or exists (
                select from discussion.comment_edits as edit
                where edit.article_id = comment.article_id
                    and edit.comment_id = comment.comment_id
                    and edit.occurred_at <= %(erased_at)s
            )
    end
    and (
        comment.user_id = %(person)s::text
        or (comment.first_body != '' and comment.posted_version < %(until)s)
        or (comment.edited_body != '' and comment.edited_version < %(until)s)
        or coalesce(comment.erased_at, '-infinity') < %(erased_at)s
    )
order by comment.article_id, comment.comment_id
limit %(limit)s
for update
