-- Articles to join the figures to. Columns: sql/metrics/articles.
create or replace view metrics.articles as
select
    article.article_id,
    article.headline,
    article.url,
    article.site,
    article.section,
    closing_window.opens_at as published_at,
    article.status,
    article.bylines
from discussion.articles as article
left join discussion.windows as closing_window on closing_window.article_id = article.article_id
where article.content_version is not null;

grant select on metrics.articles to btl_reader, btl_moderator;
