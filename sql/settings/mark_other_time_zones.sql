-- Marks the articles whose days are cut by another time zone than the site's.
-- Parameters: time_zone. Grain: one row per article.
-- Safe to re-run: an article that is marked twice is computed once.
insert into ingest.dirty_articles (article_id)
select daily.article_id
from metrics.article_daily as daily
where daily.time_zone != %(time_zone)s
group by daily.article_id
