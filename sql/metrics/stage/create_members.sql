-- Purpose: what happened under each article on the days of sections and sites that are computed again.
-- Parameters: none. Grain: one row per article and day. Safe to re-run: temporary to the session, emptied by every commit.
create temporary table if not exists computing_members (
    like metrics.article_daily,
    of_touched_section boolean not null
) on commit delete rows
