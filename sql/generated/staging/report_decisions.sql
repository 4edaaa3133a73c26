-- Purpose: the rows of one batch on their way to discussion.report_decisions, in key order.
-- Grain: one row per report decision in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_report_decisions (
    row_number integer not null, article_id text collate "C", source text collate "C",
    event_id text collate "C", digest bytea, occurred_at timestamptz, version bytea,
    comment_id text collate "C", report_id text collate "C", decision text, decided_by text,
    decided_at timestamptz, explanation text
) on commit delete rows;
