-- Purpose: whether any event has named an article; asked when no dead letter has its key.
-- Parameters: article.
-- Grain: one row.
-- Re-run: reads only.
select
    exists (select from discussion.articles as known where known.article_id = %(article)s)
    or exists (select from discussion.comments as known where known.article_id = %(article)s)
