-- Purpose: the rows of one batch on their way to discussion.articles, in key order.
-- Grain: one row per article in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_articles (
    row_number integer not null, article_id text collate "C", url text, headline text, site text,
    section text, topics text[], bylines text[], language text, updated_at timestamptz,
    discussion_enabled boolean, discussion_closes_at timestamptz, discussion_window_hours integer,
    content_version bytea, status text, status_changed_at timestamptz, status_version bytea
) on commit delete rows;
