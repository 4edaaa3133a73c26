-- Purpose: the rows of one batch on their way to discussion.report_decisions, one per key, in key order.
-- Grain: one row per report decision in the batch; row_number is its position, from 0.
-- Re-run: safe; temporary to the session, emptied by every commit.
create temporary table if not exists staged_report_decisions (
    row_number integer not null,
    article_id text collate "C",
    source text collate "C",
    event_id text collate "C",
    digest bytea,
    occurred_at timestamptz,
    version bytea,
    comment_id text,
    report_id text,
    decision text,
    decided_by text,
    decided_at timestamptz,
    explanation text
) on commit delete rows;
