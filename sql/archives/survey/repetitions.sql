-- Fills the table of repetitions, for SQLite: of comments whose id comes more than once in their
-- article, all rows but that of the earliest posting, which counts.
-- Parameters: none.
-- Safe to re-run: it is run once, when all comments are in the table and have their index.
insert into repetitions (comment_row)
with repeated as (
    select comment.article_id, comment.comment_id
    from comments as comment
    group by comment.article_id, comment.comment_id
    having count(*) > 1
),

numbered as (
    select
        comment.rowid as comment_row,
        row_number() over (
            partition by comment.article_id, comment.comment_id
            order by comment.posted_at, comment.rowid
        ) as number
    from repeated
    inner join comments as comment
        on comment.article_id = repeated.article_id
        and comment.comment_id = repeated.comment_id
)

select numbered.comment_row
from numbered
where numbered.number > 1
