-- Purpose: what each posted comment of a bucket counts as, computed once for all metric tables.
-- Parameters: none. Grain: one row per posted comment. Safe to re-run: temporary to the session, emptied by every commit.
create temporary table if not exists computing_comments (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    user_id text collate "C",
    role text,
    parent_comment_id text collate "C",
    posted_at timestamptz not null,
    held boolean not null,
    deleted_at timestamptz,
    decision text,
    decided_at timestamptz,
    first_approved_at timestamptz,
    in_time boolean not null,
    published boolean not null,
    visible boolean not null,
    first_visible_at timestamptz
) on commit delete rows
