-- Purpose: the comments of a bucket that count on their hour and day, as published or as late: the
--   one definition for hours and days. Staged as computing_postings.
-- Parameters: none; computing_comments and computing_people are staged. Grain: one row per comment;
--   person_no is null except for published comments. Re-run: reads only.
select
    comment.article_no,
    comment.posted_at as happened_at,
    case when comment.published then person.person_no end as person_no,
    comment.published::integer as comments,
    (comment.published and comment.reply)::integer as replies,
    (not comment.in_time)::integer as late
from computing_comments as comment
left join computing_people as person on person.user_id = comment.user_id
where comment.published or not comment.in_time
