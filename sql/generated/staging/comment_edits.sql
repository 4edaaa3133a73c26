-- Purpose: the rows of one batch on their way to discussion.comment_edits, in key order.
-- Grain: one row per edit in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_comment_edits (
    row_number integer not null, article_id text collate "C", source text collate "C",
    event_id text collate "C", digest bytea, occurred_at timestamptz, version bytea,
    comment_id text collate "C", body text, edited_at timestamptz
) on commit delete rows;
