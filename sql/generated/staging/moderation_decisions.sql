-- Purpose: the rows of one batch on their way to discussion.moderation_decisions, in key order.
-- Grain: one row per decision in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_moderation_decisions (
    row_number integer not null, article_id text collate "C", source text collate "C",
    event_id text collate "C", digest bytea, occurred_at timestamptz, version bytea,
    comment_id text collate "C", decision text, reason text, decided_by text, automated boolean,
    decided_at timestamptz
) on commit delete rows;
