-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
create temporary table if not exists staged_reactions (
    row_number integer not null,
    article_id text collate "C",
    comment_id text collate "C",
    user_id text collate "C",
    reaction text collate "C",
    is_on boolean,
    state_version bytea,
    first_added_at timestamptz
) on commit delete rows;
