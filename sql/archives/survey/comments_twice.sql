-- Comments whose id comes more than once in their article.
-- Parameters: none.
-- Grain: one row per comment: how often it comes, whether with different texts, and one of the
-- places. Reads only.
with repeated as (
    select
        comment.article_id,
        comment.comment_id,
        count(*) as times,
        min(comment.body_digest) != max(comment.body_digest) as texts_differ,
        max(comment.rowid) as comment_row
    from comments as comment
    group by comment.article_id, comment.comment_id
    having count(*) > 1
)

select
    repeated.article_id,
    repeated.comment_id,
    repeated.times,
    repeated.texts_differ,
    comment.file,
    comment.within
from repeated
inner join comments as comment on comment.rowid = repeated.comment_row
order by repeated.article_id, repeated.comment_id
