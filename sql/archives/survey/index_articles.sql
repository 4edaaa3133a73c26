-- Makes the index by which articles are found.
-- Parameters: none.
-- Safe to re-run: it is run once, when all articles are in the table.
create index articles_by_id on articles (article_id)
