-- Purpose: the rows of one batch on their way to discussion.comments, in key order.
-- Grain: one row per comment in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_comments (
    row_number integer not null, article_id text collate "C", comment_id text collate "C",
    user_id text, display_name text, role text, parent_comment_id text, posted_at timestamptz,
    held boolean, first_body text, posted_version bytea, edited_body text, edited_at timestamptz,
    edited_version bytea, deleted_at timestamptz, deleted_version bytea, decision text,
    decision_reason text, decision_automated boolean, decided_by text, decided_at timestamptz,
    decision_version bytea, erased_at timestamptz
) on commit delete rows;
