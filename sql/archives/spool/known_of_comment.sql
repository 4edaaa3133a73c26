-- When a comment was posted first, and the last time that is known of it; both null if it is not in
-- the export. The comments need their index (Facts.make_indexes).
-- Parameters: article_id, comment_id.
-- Grain: one row. Reads only.
select
    min(comment.posted_at) as posted_at,
    max(
        min(comment.posted_at),
        coalesce(
            (
                select max(known.known_at)
                from known
                where known.article_id = :article_id and known.comment_id = :comment_id
            ),
            min(comment.posted_at)
        )
    ) as last_at
from comments as comment
where comment.article_id = :article_id and comment.comment_id = :comment_id
