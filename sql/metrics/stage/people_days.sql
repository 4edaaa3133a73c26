-- Purpose: what each person wrote under the articles of a bucket on each day of the site. Staged as
--   computing_people_days.
-- Parameters: time_zone; postings are staged. Grain: one row per article, day and person with a
--   published comment; person_no is null in the row of late comments (comments is then 0).
--   Re-run: reads only.
select
    posting.article_no,
    (posting.happened_at at time zone %(time_zone)s::text)::date as day,
    posting.person_no,
    sum(posting.comments)::integer as comments,
    sum(posting.replies)::integer as replies,
    sum(posting.late)::integer as late
from computing_postings as posting
group by posting.article_no, day, posting.person_no
