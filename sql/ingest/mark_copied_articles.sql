-- Purpose: mark the articles of rows that were copied straight into their tables, as merges mark
--   those of the rows that they change; an article once, however many tables have rows of it.
-- Parameters: articles: all of them; windows: those whose closing window may change; discussions,
--   whats: those whose comments or reactions changed, and which of both. Grain: one row per mark.
-- Re-run: safe; marks articles that need not be marked.
with marked as (
    insert into ingest.dirty_articles (article_id)
    select unnest(%(articles)s::text[])
),

marked_windows as (
    insert into ingest.dirty_windows (article_id)
    select unnest(%(windows)s::text[])
)

insert into ingest.dirty_discussions (article_id, what)
select
    unnest(%(discussions)s::text[]),
    unnest(%(whats)s::text[]);
