-- Replies whose parent is not in their article, or not earlier than they are.
-- Parameters: none.
-- Grain: one row per reply, by article: its row, and when its parent was posted (null: there is no
-- parent). Reads only.
with reply as (
    select
        comment.article_id,
        comment.comment_id,
        comment.parent_comment_id,
        comment.posted_at,
        comment.rowid as comment_row,
        (
            select min(parent.posted_at)
            from comments as parent
            where parent.article_id = comment.article_id
                and parent.comment_id = comment.parent_comment_id
        ) as parent_posted_at
    from comments as comment
    where comment.parent_comment_id is not null
        and not exists (
            select 1 from repetitions as repetition where repetition.comment_row = comment.rowid
        )
)

select
    reply.article_id,
    reply.comment_id,
    reply.parent_comment_id,
    reply.posted_at,
    reply.parent_posted_at,
    reply.comment_row
from reply
where reply.parent_posted_at is null or reply.parent_posted_at >= reply.posted_at
order by reply.article_id
