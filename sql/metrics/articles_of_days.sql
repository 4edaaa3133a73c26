-- Purpose: articles with activity on some days, in base tables or in metric tables. Extra articles
--   do no harm.
-- Parameters: first_day, last_day, time_zone. Grain: one row per article. Reads only, all comments:
--   for a run a day.
with span as (
    select
        %(first_day)s::date::timestamp at time zone %(time_zone)s::text as starts_at,
        (%(last_day)s::date + 1)::timestamp at time zone %(time_zone)s::text as ends_at
)

select comment.article_id
from span
inner join discussion.comments as comment
    on (comment.posted_at >= span.starts_at and comment.posted_at < span.ends_at)
    or (comment.decided_at >= span.starts_at and comment.decided_at < span.ends_at)
union
select reaction.article_id
from span
inner join discussion.reactions as reaction
    on reaction.first_added_at >= span.starts_at and reaction.first_added_at < span.ends_at
union
select report.article_id
from span
inner join discussion.reports as report
    on report.reported_at >= span.starts_at and report.reported_at < span.ends_at
union
select daily.article_id
from metrics.article_daily as daily
where daily.day between %(first_day)s::date and %(last_day)s::date
order by article_id
