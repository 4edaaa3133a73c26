-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
create temporary table if not exists staged_reports (
    row_number integer not null,
    article_id text collate "C",
    comment_id text collate "C",
    report_id text collate "C",
    reporter_user_id text,
    reporter_anonymous_id text,
    reason text,
    note text,
    law text,
    reported_at timestamptz,
    reported_version bytea,
    withdrawn_at timestamptz,
    withdrawn_version bytea
) on commit delete rows;
