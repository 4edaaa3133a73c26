-- Purpose: the rounds of reports of a bucket, computed once for all metric tables.
-- Parameters: none. Grain: one row per round. Safe to re-run: temporary to the session, emptied by every commit.
create temporary table if not exists computing_rounds (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    reporter_kind text not null,
    reporter_id text collate "C",
    reason text,
    reported_at timestamptz not null,
    began_at timestamptz not null,
    outcome text not null,
    settled_at timestamptz,
    on_published boolean not null,
    visible_since timestamptz
) on commit delete rows
