-- Late comments by article, and how many comments these articles have. Of an id that comes twice
-- the earliest posting counts, as in the database.
-- Parameters: none.
-- Grain: one row per article and cause of lateness. Reads only.
with posting as (
    select comment.article_id, comment.comment_id, min(comment.posted_at) as posted_at
    from comments as comment
    group by comment.article_id, comment.comment_id
)

select
    posting.article_id,
    late_range.site,
    (
        select count(distinct comment.comment_id)
        from comments as comment
        where comment.article_id = posting.article_id
    ) as comments,
    late_range.cause,
    count(*) as late
from posting
inner join late_ranges as late_range
    on late_range.article_id = posting.article_id
    and late_range.starts_at <= posting.posted_at
    and late_range.ends_at > posting.posted_at
group by posting.article_id, late_range.site, late_range.cause
order by posting.article_id
