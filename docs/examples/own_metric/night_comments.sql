-- Counts the comments of each article that were written at night. Parameters: none. Grain: one row
-- per article with comments. A second run writes the same rows: they depend on the metrics only.
insert into newsroom.night_comments (article_id, comments, night_comments, computed_at)
select
    hourly.article_id,
    sum(hourly.comments),
    coalesce(sum(hourly.comments) filter (
        where extract(hour from hourly.hour at time zone 'UTC') not between 6 and 21
    ), 0),
    now()
from metrics.article_hourly as hourly
group by hourly.article_id
on conflict (article_id) do update
set comments = excluded.comments,
    night_comments = excluded.night_comments,
    computed_at = excluded.computed_at
