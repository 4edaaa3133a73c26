-- The id that the site's publishing system has for an address.
-- Parameters: address.
-- Grain: one row, or none. Reads only.
select site_article.article_id
from site_articles as site_article
where site_article.address = :address
