-- Purpose: the rows of one batch on their way to discussion.reports, in key order.
-- Grain: one row per report in the batch; row_number counts from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create temporary table if not exists staged_reports (
    row_number integer not null, article_id text collate "C", comment_id text collate "C",
    report_id text collate "C", reporter_user_id text, reporter_anonymous_id text, reason text,
    note text, law text, reported_at timestamptz, reported_version bytea, withdrawn_at timestamptz,
    withdrawn_version bytea, erased_at timestamptz
) on commit delete rows;
