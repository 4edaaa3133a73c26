-- Purpose: the sites that have articles.
-- Parameters: none. Grain: one row per site, in alphabetical order. Re-run: safe; it only reads.
select distinct article.site
from discussion.articles as article
where article.site is not null
order by article.site
