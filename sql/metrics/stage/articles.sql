-- Purpose: the articles of a bucket, with what their figures depend on. Staged as
--   computing_articles.
-- Parameters: articles. Grain: one row per article that any event named. Re-run: reads only.
select
    known.article_id,
    article.site,
    article.section,
    closing_window.opens_at,
    closing_window.closes_at,
    closing_window.reactions_close_at,
    closing_window.has_gaps
from discussion.known_articles as known
left join (
    select content.article_id, content.site, content.section
    from discussion.articles as content
    where content.article_id = any(%(articles)s)
) as article on article.article_id = known.article_id
left join (
    select
        placed.article_id,
        placed.opens_at,
        placed.closes_at,
        placed.reactions_close_at,
        placed.has_gaps
    from discussion.windows as placed
    where placed.article_id = any(%(articles)s)
) as closing_window on closing_window.article_id = known.article_id
where known.article_id = any(%(articles)s)
