-- Makes the index by which names are found.
-- Parameters: none.
-- Safe to re-run: it is run once, on a new temporary file.
create unique index names_by_id on names (article_id)
