-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
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
