-- Purpose: the rows of one batch on their way to discussion.discussion_overrides, in key order.
-- Grain: one row per override in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_discussion_overrides (
    row_number integer not null, article_id text collate "C", source text collate "C",
    event_id text collate "C", digest bytea, occurred_at timestamptz, version bytea, action text,
    closes_at timestamptz, reason text, decided_by text, decided_at timestamptz
) on commit delete rows;
