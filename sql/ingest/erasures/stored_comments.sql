-- Purpose: who posted comments, when, and up to when they are erased.
-- Parameters: article_ids, comment_ids (arrays of equal length).
-- Grain: one row per comment that the table has. Re-run: safe; it only reads.
select
    comment.article_id,
    comment.comment_id,
    comment.user_id,
    comment.posted_version,
    comment.erased_at
from unnest(%(article_ids)s::text[], %(comment_ids)s::text[]) as asked (article_id, comment_id)
inner join discussion.comments as comment
    on
        asked.article_id = comment.article_id
        and asked.comment_id = comment.comment_id;
