-- Articles at addresses that the site's publishing system does not name, and whether their id is
-- that of another page there.
-- Parameters: none.
-- Grain: one row per article, in the order of the export. Reads only.
select
    article.article_id,
    article.address,
    article.file,
    article.within,
    article.article_id in (select named.article_id from site_articles as named) as is_taken
from export_articles as article
left join site_articles as site_article on site_article.address = article.address
where site_article.address is null
order by article.number
