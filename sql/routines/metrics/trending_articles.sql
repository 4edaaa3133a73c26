-- Where readers are writing now. Columns: sql/metrics/trending_articles.
create or replace view metrics.trending_articles as
select
    recent.article_id,
    article.headline,
    article.site,
    article.section,
    recent.comments,
    recent.reactions,
    recent.reports,
    before.comments / 8.0::double precision as comments_before,
    recent.comments / nullif(before.comments / 8.0::double precision, 0) as growth
from (
    select
        hourly.article_id,
        sum(hourly.comments)::integer as comments,
        sum(hourly.reactions)::integer as reactions,
        sum(hourly.reports)::integer as reports
    from metrics.article_hourly as hourly
    where hourly.hour > date_trunc('hour', now(), 'UTC') - interval '3 hours'
    group by hourly.article_id
    having sum(hourly.comments) > 0
) as recent
cross join lateral (
    select coalesce(sum(hourly.comments), 0)::double precision as comments
    from metrics.article_hourly as hourly
    where hourly.article_id = recent.article_id
        and hourly.hour <= date_trunc('hour', now(), 'UTC') - interval '3 hours'
        and hourly.hour > date_trunc('hour', now(), 'UTC') - interval '27 hours'
) as before
left join discussion.articles as article on article.article_id = recent.article_id
where article.status is distinct from 'unpublished'
order by recent.comments desc, recent.article_id;

grant select on metrics.trending_articles to btl_reader, btl_moderator;
