-- Purpose: mark the articles of rows that were copied straight into
--   discussion.discussion_overrides, as its merge marks those of the rows that it changes.
-- Parameters: articles. Grain: one mark per article.
-- Re-run: safe; marks articles that need not be marked.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    select unnest(%(articles)s::text[]) as article_id
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
)

insert into ingest.dirty_windows (article_id)
select distinct article_id from changed;
