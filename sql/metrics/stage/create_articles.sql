-- Purpose: the articles of a bucket, with what their figures need to know of them.
-- Parameters: none. Grain: one row per known article. Safe to re-run: temporary to the session, emptied by every commit.
create temporary table if not exists computing_articles (
    article_id text collate "C" not null,
    site text,
    section text,
    opens_at timestamptz,
    closes_at timestamptz,
    reactions_close_at timestamptz,
    has_gaps boolean
) on commit delete rows
