-- Purpose: who commented on the days of sections and sites that are computed again.
-- Parameters: none. Grain: one row per site, section, day and author. Safe to re-run: temporary to the session, emptied by
-- every commit.
create temporary table if not exists computing_commenters (
    site text not null,
    section text,
    day date not null,
    user_id text collate "C"
) on commit delete rows
