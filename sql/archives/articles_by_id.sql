-- Purpose: what the database has of articles that an export names as well.
-- Parameters: article_ids: their ids. Grain: one row per article that is there with an address.
-- Re-run: safe; it only reads.
select
    article.article_id,
    article.url,
    article.site
from discussion.articles as article
where article.article_id = any(%(article_ids)s)
    and article.url is not null
