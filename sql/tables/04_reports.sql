-- Reports of comments, and every decision about one.
create table discussion.reports (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    report_id text collate "C" not null,
    reporter_user_id text collate "C",
    reporter_anonymous_id text collate "C",
    reason text,
    note text,
    law text,
    reported_at timestamptz,
    reported_version bytea,
    withdrawn_at timestamptz,
    withdrawn_version bytea,
    check ((reported_version is null) = (reported_at is null)),
    check ((withdrawn_version is null) = (withdrawn_at is null)),
    primary key (article_id, comment_id, report_id)
);

comment on table discussion.reports is
'One row per report of a comment that any event named. Registers: report (least version) and '
'withdrawal (least version).';
comment on column discussion.reports.report_id is 'The report, as the comment service names it';
comment on column discussion.reports.reporter_user_id is 'Who reported, if signed in';
comment on column discussion.reports.reporter_anonymous_id is 'Who reported, if not signed in';
comment on column discussion.reports.reason is 'The reason given; null: no report event (a stub)';
comment on column discussion.reports.note is 'What the reporter wrote';
comment on column discussion.reports.law is 'The law that the comment breaks, says the reporter';
comment on column discussion.reports.reported_at is 'When it was reported';
comment on column discussion.reports.reported_version is 'Version of the report; null: a stub';
comment on column discussion.reports.withdrawn_at is 'When the reporter withdrew it';
comment on column discussion.reports.withdrawn_version is 'Version of the withdrawal';

create table discussion.report_decisions (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    report_id text collate "C" not null,
    source text collate "C" not null,
    event_id text collate "C" not null,
    digest bytea not null,
    occurred_at timestamptz not null,
    version bytea not null,
    decision text not null,
    decided_by text not null,
    decided_at timestamptz not null,
    explanation text,
    primary key (article_id, source, event_id, digest)
);

comment on table discussion.report_decisions is 'Every decision about a report: append-only.';
comment on column discussion.report_decisions.report_id is 'The report decided on';
comment on column discussion.report_decisions.decision is
'upheld, dismissed, ignored, duplicate, void';
comment on column discussion.report_decisions.explanation is 'Explanation sent to the reporter';

create index report_decisions_by_report
on discussion.report_decisions (article_id, comment_id, report_id);

grant select, insert on discussion.report_decisions to btl_ingest;
grant select, insert, update on discussion.reports to btl_ingest;
grant select on discussion.reports, discussion.report_decisions to btl_scheduler;
