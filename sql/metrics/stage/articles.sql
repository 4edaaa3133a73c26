-- Purpose: the articles of a bucket, with what their figures depend on. Staged as
--   computing_articles. Asks table by table whether an event named the article: the view
--   discussion.known_articles, which has the same tables, would read all rows of each.
-- Parameters: articles. Grain: one row per article that any event named. Re-run: reads only.
select
    row_number() over (order by known.article_id)::integer as article_no,
    known.article_id collate "C" as article_id,
    article.site,
    article.section,
    closing_window.opens_at,
    closing_window.closes_at,
    closing_window.reactions_close_at,
    closing_window.has_gaps
from (
    select distinct asked.article_id
    from unnest(%(articles)s::text[]) as asked (article_id)
) as known
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
where
    exists (
        select from discussion.articles as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.article_versions as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.discussion_overrides as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.comments as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.comment_edits as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.moderation_decisions as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.reports as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.report_decisions as named
        where named.article_id = known.article_id
    )
    or exists (
        select from discussion.reactions as named
        where named.article_id = known.article_id
    )
