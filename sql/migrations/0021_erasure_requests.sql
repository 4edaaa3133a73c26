-- Requests for erasures that a second person approves: the DAG erase_commenter gets the number of a
-- request, so that Airflow never sees whom it is about.
create table ingest.erasure_requests (
    request_id bigint generated always as identity,
    kind text not null,
    subject text collate "C",
    article_id text collate "C",
    comment_id text collate "C",
    erased_at timestamptz,
    state text not null default 'open',
    requested_at timestamptz not null default clock_timestamp(),
    requested_by text,
    decided_at timestamptz,
    decided_by text,
    check (kind in ('user', 'reporter', 'comment')),
    check (state in ('open', 'approved', 'declined', 'done')),
    check ((kind = 'comment') = (article_id is not null and comment_id is not null)),
    check (kind <> 'comment' or subject is null),
    check (kind = 'comment' or (state in ('open', 'approved')) = (subject is not null)),
    check ((state = 'open') = (decided_at is null)),
    check (state not in ('approved', 'done') or erased_at is not null),
    primary key (request_id)
);

create unique index one_request_of_a_subject
on ingest.erasure_requests (kind, subject, article_id, comment_id) nulls not distinct
where state in ('open', 'approved');

comment on table ingest.erasure_requests is
'Erasures that somebody asked for and somebody else approves (btl erase --request, the DAG '
'erase_commenter). Nothing is erased before that.';
comment on column ingest.erasure_requests.request_id is 'Its number, which the DAG is given';
comment on column ingest.erasure_requests.kind is
'user: a signed-in person; reporter: one who reported without signing in; comment: one comment';
comment on column ingest.erasure_requests.subject is
'The person''s id, only until the request is declined or done; null: it is, or a comment';
comment on column ingest.erasure_requests.article_id is 'Of a comment: its article';
comment on column ingest.erasure_requests.comment_id is 'The comment; null: a person';
comment on column ingest.erasure_requests.erased_at is
'Events up to this time are forgotten; null: up to the approval';
comment on column ingest.erasure_requests.state is
'open, approved (being carried out), declined or done';
comment on column ingest.erasure_requests.requested_at is 'When it was asked for';
comment on column ingest.erasure_requests.requested_by is 'Who asked for it; null: not known';
comment on column ingest.erasure_requests.decided_at is
'When it was approved or declined; null: still open';
comment on column ingest.erasure_requests.decided_by is 'Who did; null: still open, or not known';

-- The planner keeps no id of it.
alter table ingest.erasure_requests alter column subject set statistics 0;

grant select, insert, update on ingest.erasure_requests to btl_erase;
