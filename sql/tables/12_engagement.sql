-- Comments and reactions per article. The columns of metric tables are defined in
-- sql/metrics/*/definitions.yaml; their comments in the database are made from there.
create table metrics.article_engagement (
    article_id text collate "C" not null,
    comments_submitted integer not null,
    comments_published integer not null,
    comments_visible integer not null,
    top_level integer not null,
    replies integer not null,
    max_depth integer,
    reply_share double precision,
    unique_commenters integer not null,
    top5_share double precision,
    first_comment_at timestamptz,
    last_comment_at timestamptz,
    time_to_first_comment_seconds double precision,
    reactions_net integer not null,
    reactions_added integer not null,
    engagement integer not null,
    first_24h_share double precision,
    peak_hour timestamptz,
    peak_hour_comments integer,
    edited integer not null,
    deleted_by_author integer not null,
    held_comments integer not null,
    held_waiting integer not null,
    time_to_approval_p50_seconds double precision,
    staff_comments integer not null,
    late_comments integer not null,
    state text,
    closes_at timestamptz,
    closed_at timestamptz,
    final boolean not null,
    reactions_final boolean not null,
    revision integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (state in ('open', 'closed', 'cannot_close')),
    primary key (article_id)
);

-- For lists of the articles with most comments, and so on.
create index article_engagement_by_comments
on metrics.article_engagement (comments_published desc, article_id);
create index article_engagement_by_engagement
on metrics.article_engagement (engagement desc, article_id);

create table metrics.article_engagement_revisions (
    like metrics.article_engagement,
    replaced_at timestamptz not null default clock_timestamp(),
    primary key (article_id, revision)
);

comment on table metrics.article_engagement_revisions is
'Rows of article_engagement whose final figures were replaced later. revision counts from 0.';
comment on column metrics.article_engagement_revisions.replaced_at is 'When it was replaced';

grant select, insert on metrics.article_engagement_revisions to btl_scheduler;
grant select, insert, update, delete on metrics.article_engagement to btl_scheduler;
grant select on
    metrics.article_engagement,
    metrics.article_engagement_revisions
to btl_reader, btl_moderator;
