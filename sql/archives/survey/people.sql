-- Makes the table of the people who wrote comments, each with the number of comments, the name that
-- stands for an account, and the row of a comment.
-- Parameters: none.
-- Safe to re-run: only on a new file of facts.
create table people as
select
    comment.user_id,
    max(comment.named_by) as named_by,
    count(*) as comments,
    min(comment.rowid) as comment_row
from comments as comment
where not exists (
    select 1 from repetitions as repetition where repetition.comment_row = comment.rowid
)
group by comment.user_id
