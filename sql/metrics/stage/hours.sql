-- Purpose: what happened under the articles of a bucket in each UTC hour. Staged as
--   computing_hours.
-- Parameters: none; postings and events are staged. Grain: one row per article and hour in which
--   anything happened. Re-run: reads only.
-- Sorted once by article, hour and person: with integers that is cheaper than counting per person
--   first, because nearly everybody comments once in an hour.
select
    happened.article_no,
    happened.hour,
    sum(happened.comments) as comments,
    sum(happened.replies) as replies,
    count(distinct happened.person_no) as unique_commenters,
    sum(happened.reactions) as reactions,
    sum(happened.reports) as reports,
    sum(happened.rejected) as rejected,
    sum(happened.late) as late
from (
    select
        posting.article_no,
        date_bin('1 hour', posting.happened_at, '1970-01-01 00:00+00') as hour,
        posting.person_no,
        posting.comments,
        posting.replies,
        0 as reactions,
        0 as reports,
        0 as rejected,
        posting.late
    from computing_postings as posting
    union all
    select
        event.article_no,
        date_bin('1 hour', event.happened_at, '1970-01-01 00:00+00'),
        null,
        0,
        0,
        event.reactions,
        event.reports,
        event.rejected,
        0
    from computing_events as event
) as happened
group by happened.article_no, happened.hour
