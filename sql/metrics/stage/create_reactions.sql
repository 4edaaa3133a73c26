-- Purpose: the reactions of a bucket that count: on published comments, first added inside the reaction window.
-- Parameters: none. Grain: one row per reaction. Safe to re-run: temporary to the session, emptied by every commit.
create temporary table if not exists computing_reactions (
    article_id text collate "C" not null,
    is_on boolean not null,
    first_added_at timestamptz not null
) on commit delete rows
