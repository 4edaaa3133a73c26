-- What metrics.article_daily says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: time_zone; the bucket is staged. Grain: one row per article and day on which anything
--   happened. Reads only.
select
    article.article_id,
    per_day.day,
    article.site,
    article.section,
    %(time_zone)s::text as time_zone,
    per_day.comments,
    per_day.replies,
    per_day.unique_commenters,
    per_day.reactions,
    per_day.reports,
    per_day.rejected,
    per_day.late
from (
    select
        happened.article_no,
        happened.day,
        sum(happened.comments) as comments,
        sum(happened.replies) as replies,
        count(happened.person_no) as unique_commenters,
        sum(happened.reactions) as reactions,
        sum(happened.reports) as reports,
        sum(happened.rejected) as rejected,
        sum(happened.late) as late
    from (
        select
            person.article_no,
            person.day,
            person.person_no,
            person.comments,
            person.replies,
            0 as reactions,
            0 as reports,
            0 as rejected,
            person.late
        from computing_people_days as person
        union all
        select
            event.article_no,
            (event.happened_at at time zone %(time_zone)s::text)::date,
            null,
            0,
            0,
            event.reactions,
            event.reports,
            event.rejected,
            0
        from computing_events as event
    ) as happened
    group by happened.article_no, happened.day
) as per_day
inner join computing_articles as article on article.article_no = per_day.article_no
