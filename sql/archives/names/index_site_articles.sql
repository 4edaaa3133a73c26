-- Makes the index by which ids of the site's publishing system are found.
-- Parameters: none.
-- Safe to re-run: it is run once, on a new temporary file.
create index site_articles_by_id on site_articles (article_id)
