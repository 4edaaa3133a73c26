-- Purpose: the rows of one batch on their way to discussion.article_versions, in key order.
-- Grain: one row per article event in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_article_versions (
    row_number integer not null, article_id text collate "C", source text collate "C",
    event_id text collate "C", digest bytea, occurred_at timestamptz, version bytea,
    event_type text, url text, headline text, site text, section text, topics text[],
    bylines text[], language text, updated_at timestamptz, discussion_enabled boolean,
    discussion_closes_at timestamptz, discussion_window_hours integer, published_at timestamptz,
    published_at_corrected boolean, unpublished_at timestamptz, unpublished_reason text
) on commit delete rows;
