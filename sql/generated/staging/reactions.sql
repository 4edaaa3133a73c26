-- Purpose: the rows of one batch on their way to discussion.reactions, in key order.
-- Grain: one row per reaction of a user to a comment in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_reactions (
    row_number integer not null, article_id text collate "C", comment_id text collate "C",
    user_id text collate "C", reaction text collate "C", is_on boolean, state_version bytea,
    first_added_at timestamptz
) on commit delete rows;
