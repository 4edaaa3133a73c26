-- Articles that comments name and no row of the export is about.
-- Parameters: none.
-- Grain: one row per article: the number of its comments, and one of them. Reads only.
with unknown as (
    select
        comment.article_id,
        count(*) as comments,
        min(comment.rowid) as comment_row
    from comments as comment
    where not exists (
        select 1 from repetitions as repetition where repetition.comment_row = comment.rowid
    )
    group by comment.article_id
    having not exists (
        select 1
        from articles as article
        where article.article_id = comment.article_id
    )
)

select
    unknown.article_id,
    unknown.comments,
    comment.comment_id,
    comment.file,
    comment.within
from unknown
inner join comments as comment on comment.rowid = unknown.comment_row
order by unknown.article_id
