-- Metric tables by reason, hour and day, of sections, sites and reporters; the backlog of moderation; views for moderators and editors.
set local role btl_owner;

create function discussion.severity(in_reason text) returns integer
language sql immutable
as $$
    select case
        when in_reason in ('threat_violence', 'illegal_content', 'sexual_content', 'privacy') then 3
        when in_reason in ('hate_speech', 'harassment', 'personal_abuse', 'defamation') then 2
        else 1
    end
$$;

comment on function discussion.severity is
'How grave a reason for reporting is: 1 to 3.';

create table ingest.dirty_days (
    mark_id bigint generated always as identity,
    site text not null,
    section text,
    day date not null,
    primary key (mark_id)
);

comment on table ingest.dirty_days is
'Days of sections whose figures in section_daily and site_daily must be computed again, because an article''s changed: set and taken by runs of article_metrics.';
comment on column ingest.dirty_days.mark_id is
'Order of marking';
comment on column ingest.dirty_days.site is
'The site';
comment on column ingest.dirty_days.section is
'The section; null: articles without one';
comment on column ingest.dirty_days.day is
'The day, in the site''s time zone';

create index dirty_days_by_day on ingest.dirty_days (day, site, section);

create table ingest.dirty_reporters (
    mark_id bigint generated always as identity,
    user_id text not null,
    primary key (mark_id)
);

comment on table ingest.dirty_reporters is
'Reporters whose figures in reporter_accuracy must be computed again, because those under an article changed: set and taken by runs of article_metrics.';
comment on column ingest.dirty_reporters.mark_id is
'Order of marking';
comment on column ingest.dirty_reporters.user_id is
'The reporter';

create index dirty_reporters_by_user on ingest.dirty_reporters (user_id);

create table metrics.article_abuse_reasons (
    article_id text collate "C" not null,
    reason text not null,
    reports integer not null,
    unique_reporters integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (reports = upheld + dismissed + ignored + duplicates + void + open_reports),
    primary key (article_id, reason)
);

comment on table metrics.article_abuse_reasons is
'For what readers reported under an article. One row for every article and reason with at least one round of reports; a round has the reason of the report that counts, its first by version. All columns but unique_reporters sum to those of article_abuse.';
comment on column metrics.article_abuse_reasons.article_id is
'The article, as its publisher names it';
comment on column metrics.article_abuse_reasons.reason is
'What was reported';
comment on column metrics.article_abuse_reasons.reports is
'Rounds of reports';
comment on column metrics.article_abuse_reasons.unique_reporters is
'Distinct reporters; signed-in users and anonymous ids are counted apart';
comment on column metrics.article_abuse_reasons.upheld is
'Rounds that came out as upheld';
comment on column metrics.article_abuse_reasons.dismissed is
'Rounds that came out as dismissed';
comment on column metrics.article_abuse_reasons.ignored is
'Rounds that came out as ignored';
comment on column metrics.article_abuse_reasons.duplicates is
'Rounds that came out as duplicate';
comment on column metrics.article_abuse_reasons.void is
'Rounds that came out as void';
comment on column metrics.article_abuse_reasons.open_reports is
'Rounds that nothing has settled';
comment on column metrics.article_abuse_reasons.computed_at is
'When this row was computed';
comment on column metrics.article_abuse_reasons.metric_version is
'Version of these definitions';
comment on column metrics.article_abuse_reasons.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.article_hourly (
    article_id text collate "C" not null,
    hour timestamptz not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, hour)
);

create index article_hourly_by_hour on metrics.article_hourly (hour);

comment on table metrics.article_hourly is
'What happened under an article, hour by hour (UTC). One row for every article and hour in which any figure is not 0; everything counts in the hour in which it happened. Each column but unique_commenters sums to the article''s figure in article_engagement or article_abuse.';
comment on column metrics.article_hourly.article_id is
'The article, as its publisher names it';
comment on column metrics.article_hourly.hour is
'Start of the hour';
comment on column metrics.article_hourly.comments is
'Published comments posted in it';
comment on column metrics.article_hourly.replies is
'Those that name a parent, known or not';
comment on column metrics.article_hourly.unique_commenters is
'Distinct authors of them';
comment on column metrics.article_hourly.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.article_hourly.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.article_hourly.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.article_hourly.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.article_hourly.computed_at is
'When this row was computed';
comment on column metrics.article_hourly.metric_version is
'Version of these definitions';
comment on column metrics.article_hourly.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.article_daily (
    article_id text collate "C" not null,
    day date not null,
    site text,
    section text,
    time_zone text not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    commenters_digest bigint not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, day)
);

create index article_daily_by_section on metrics.article_daily (site, day, section);

comment on table metrics.article_daily is
'What happened under an article, day by day in the site''s time zone. One row for every article and day on which any figure is not 0. Computed from the base tables, not from hours of UTC: days begin at the site''s midnight, and have 23 or 25 hours when clocks change.';
comment on column metrics.article_daily.article_id is
'The article, as its publisher names it';
comment on column metrics.article_daily.day is
'The day, in the time zone of the row';
comment on column metrics.article_daily.site is
'The article''s site now';
comment on column metrics.article_daily.section is
'The article''s section now';
comment on column metrics.article_daily.time_zone is
'The site''s time zone by which days are cut (BTL_SITE_TIMEZONE when the row was computed)';
comment on column metrics.article_daily.comments is
'Published comments posted in it';
comment on column metrics.article_daily.replies is
'Those that name a parent, known or not';
comment on column metrics.article_daily.unique_commenters is
'Distinct authors of them';
comment on column metrics.article_daily.commenters_digest is
'Changes with the set of their authors, also where their number stays: what the section''s and the site''s unique_commenters depend on';
comment on column metrics.article_daily.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.article_daily.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.article_daily.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.article_daily.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.article_daily.computed_at is
'When this row was computed';
comment on column metrics.article_daily.metric_version is
'Version of these definitions';
comment on column metrics.article_daily.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.section_daily (
    site text not null,
    section text,
    day date not null,
    time_zone text not null,
    articles integer not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    unique nulls not distinct (site, section, day)
);

create index section_daily_by_day on metrics.section_daily (day);

comment on table metrics.section_daily is
'What happened in a section of a site, day by day in the site''s time zone. One row for every site, section and day on which any article that is in the section now has a row in article_daily; articles without a section are a section of their own. Articles whose publication is not known are in none.';
comment on column metrics.section_daily.site is
'The site';
comment on column metrics.section_daily.section is
'The section';
comment on column metrics.section_daily.day is
'The day, in the time zone of the row';
comment on column metrics.section_daily.time_zone is
'The site''s time zone by which days are cut (BTL_SITE_TIMEZONE when the row was computed)';
comment on column metrics.section_daily.articles is
'Articles with any figure';
comment on column metrics.section_daily.comments is
'Published comments posted in it';
comment on column metrics.section_daily.replies is
'Those that name a parent, known or not';
comment on column metrics.section_daily.unique_commenters is
'Distinct authors of them, each counted once';
comment on column metrics.section_daily.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.section_daily.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.section_daily.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.section_daily.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.section_daily.computed_at is
'When this row was computed';
comment on column metrics.section_daily.metric_version is
'Version of these definitions';
comment on column metrics.section_daily.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.site_daily (
    site text not null,
    day date not null,
    time_zone text not null,
    articles integer not null,
    comments integer not null,
    replies integer not null,
    unique_commenters integer not null,
    reactions integer not null,
    reports integer not null,
    rejected integer not null,
    late integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (site, day)
);

comment on table metrics.site_daily is
'What happened on a site, day by day in its time zone. One row for every site and day on which any of its articles has a row in article_daily. Articles whose publication is not known are on none.';
comment on column metrics.site_daily.site is
'The site';
comment on column metrics.site_daily.day is
'The day, in the time zone of the row';
comment on column metrics.site_daily.time_zone is
'The site''s time zone by which days are cut (BTL_SITE_TIMEZONE when the row was computed)';
comment on column metrics.site_daily.articles is
'Articles with any figure';
comment on column metrics.site_daily.comments is
'Published comments posted in it';
comment on column metrics.site_daily.replies is
'Those that name a parent, known or not';
comment on column metrics.site_daily.unique_commenters is
'Distinct authors of them, each counted once';
comment on column metrics.site_daily.reactions is
'Reactions on published comments, first added in it and inside the reaction window';
comment on column metrics.site_daily.reports is
'Rounds of reports whose counting report was made in it';
comment on column metrics.site_daily.rejected is
'Comments whose last decision is rejected and was taken in it, and that their author did not delete';
comment on column metrics.site_daily.late is
'Comments posted in it when the discussion did not accept any';
comment on column metrics.site_daily.computed_at is
'When this row was computed';
comment on column metrics.site_daily.metric_version is
'Version of these definitions';
comment on column metrics.site_daily.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.article_reporters (
    article_id text collate "C" not null,
    user_id text collate "C" not null,
    reports integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    check (reports = upheld + dismissed + ignored + duplicates + void + open_reports),
    primary key (article_id, user_id)
);

create index article_reporters_by_user on metrics.article_reporters (user_id);

comment on table metrics.article_reporters is
'What each signed-in reader reported under an article, and what became of it. One row for every article and reporter with at least one round. reporter_accuracy is the sum of these.';
comment on column metrics.article_reporters.article_id is
'The article, as its publisher names it';
comment on column metrics.article_reporters.user_id is
'The reporter';
comment on column metrics.article_reporters.reports is
'Rounds of reports';
comment on column metrics.article_reporters.upheld is
'Rounds that came out as upheld';
comment on column metrics.article_reporters.dismissed is
'Rounds that came out as dismissed';
comment on column metrics.article_reporters.ignored is
'Rounds that came out as ignored';
comment on column metrics.article_reporters.duplicates is
'Rounds that came out as duplicate';
comment on column metrics.article_reporters.void is
'Rounds that came out as void';
comment on column metrics.article_reporters.open_reports is
'Rounds that nothing has settled';
comment on column metrics.article_reporters.computed_at is
'When this row was computed';
comment on column metrics.article_reporters.metric_version is
'Version of these definitions';
comment on column metrics.article_reporters.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.reporter_accuracy (
    user_id text collate "C" not null,
    articles integer not null,
    reports integer not null,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    accuracy double precision,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (user_id)
);

comment on table metrics.reporter_accuracy is
'How often a signed-in reader''s reports were right. One row for every signed-in reader with at least one round, over all articles.';
comment on column metrics.reporter_accuracy.user_id is
'The reporter';
comment on column metrics.reporter_accuracy.articles is
'Articles reported under';
comment on column metrics.reporter_accuracy.reports is
'Rounds of reports';
comment on column metrics.reporter_accuracy.upheld is
'Rounds that came out as upheld';
comment on column metrics.reporter_accuracy.dismissed is
'Rounds that came out as dismissed';
comment on column metrics.reporter_accuracy.ignored is
'Rounds that came out as ignored';
comment on column metrics.reporter_accuracy.duplicates is
'Rounds that came out as duplicate';
comment on column metrics.reporter_accuracy.void is
'Rounds that came out as void';
comment on column metrics.reporter_accuracy.open_reports is
'Rounds that nothing has settled';
comment on column metrics.reporter_accuracy.accuracy is
'upheld / (upheld + dismissed), shown from five of them on';
comment on column metrics.reporter_accuracy.computed_at is
'When this row was computed';
comment on column metrics.reporter_accuracy.metric_version is
'Version of these definitions';
comment on column metrics.reporter_accuracy.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

create table metrics.open_reports (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    open_reports integer not null,
    unique_reporters integer not null,
    signed_in_reporters text[] not null,
    reasons text[] not null,
    oldest_open_at timestamptz not null,
    visible_since timestamptz,
    weight double precision not null,
    severity integer not null,
    urgency_key double precision not null,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id, comment_id)
);

create index open_reports_by_urgency on metrics.open_reports (
    (visible_since is not null) desc, urgency_key desc, article_id, comment_id
);
create index open_reports_by_reporter on metrics.open_reports using gin (signed_in_reporters);

comment on table metrics.open_reports is
'The backlog of moderation: one row for every comment with at least one round of reports that nothing has settled; the view moderation_queue shows it in order of urgency. A comment that was approved has no open round; reported anew, it is back.';
comment on column metrics.open_reports.article_id is
'The article, as its publisher names it';
comment on column metrics.open_reports.comment_id is
'The comment, unique within its article';
comment on column metrics.open_reports.open_reports is
'Rounds that nothing has settled';
comment on column metrics.open_reports.unique_reporters is
'Distinct reporters of them; signed-in users and anonymous ids are counted apart';
comment on column metrics.open_reports.signed_in_reporters is
'User ids of the signed-in ones, in order';
comment on column metrics.open_reports.reasons is
'Reasons of them, in order';
comment on column metrics.open_reports.oldest_open_at is
'When the oldest of them began';
comment on column metrics.open_reports.visible_since is
'When readers could first see the comment';
comment on column metrics.open_reports.weight is
'Sum over the reporters: 0.5 + accuracy of one whose accuracy is shown, 1 of any other signed-in one, 0.5 of an anonymous one';
comment on column metrics.open_reports.severity is
'Of the gravest reason: 3 for threat_violence, illegal_content, sexual_content and privacy; 2 for hate_speech, harassment, personal_abuse and defamation; else 1';
comment on column metrics.open_reports.urgency_key is
'24 * severity * weight - hours from 1970 to visible_since (0 where it is not visible): the part of the urgency that the clock does not change';
comment on column metrics.open_reports.computed_at is
'When this row was computed';
comment on column metrics.open_reports.metric_version is
'Version of these definitions';
comment on column metrics.open_reports.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

-- For lists of those with most.
create index article_engagement_by_comments on metrics.article_engagement (comments_published desc, article_id);
create index article_engagement_by_engagement on metrics.article_engagement (engagement desc, article_id);
create index article_abuse_by_reports on metrics.article_abuse (reports desc, article_id);
create index article_abuse_by_open_reports on metrics.article_abuse (open_reports desc, article_id);

-- A function of one article, so that the walk begins at its comments and not at everybody's.
create function discussion.thread_of(in_article_id text)
returns table (
    comment_id text,
    parent_comment_id text,
    depth integer,
    path text[],
    user_id text,
    display_name text,
    role text,
    posted_at timestamptz,
    edited_at timestamptz,
    body text,
    status text,
    late_by interval
)
language sql stable security definer set search_path = ''
as $$
    with recursive walk as (
        select
            comment.comment_id,
            1 as depth,
            array[to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), comment.comment_id] as path
        from discussion.comments as comment
        where comment.article_id = in_article_id
            and comment.posted_at is not null
            and not exists (
                select from discussion.comments as parent
                where parent.article_id = comment.article_id
                    and parent.comment_id = comment.parent_comment_id
                    and parent.posted_at is not null
            )
        union all
        select
            reply.comment_id,
            walk.depth + 1,
            walk.path || to_char(reply.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || reply.comment_id
        from walk
        inner join discussion.comments as reply
            on reply.article_id = in_article_id
            and reply.parent_comment_id = walk.comment_id
            and reply.posted_at is not null
    )

    select
        comment.comment_id,
        comment.parent_comment_id,
        coalesce(walk.depth, 1),
        coalesce(
            walk.path,
            array[to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), comment.comment_id]
        ),
        comment.user_id,
        comment.display_name,
        comment.role,
        comment.posted_at,
        comment.edited_at,
        coalesce(comment.edited_body, comment.first_body),
        case
            when comment.deleted_at is not null then 'deleted'
            when not standing.in_time then 'late'
            when standing.visible then 'visible'
            when standing.decision = 'rejected' then 'rejected'
            else 'held'
        end,
        late.late_by
    from discussion.comment_standing(array[in_article_id]) as standing
    inner join discussion.comments as comment
        on comment.article_id = in_article_id and comment.comment_id = standing.comment_id
    -- Those in a circle of parents are met from no top: each is shown as one.
    left join walk on walk.comment_id = comment.comment_id
    left join discussion.late_comments as late
        on late.article_id = in_article_id and late.comment_id = comment.comment_id
$$;

comment on function discussion.thread_of is
'The discussion of one article as moderators read it: see the view discussion_thread.';

create view metrics.articles as
select
    article.article_id,
    article.headline,
    article.url,
    article.site,
    article.section,
    closing_window.opens_at as published_at,
    article.status
from discussion.articles as article
left join discussion.windows as closing_window on closing_window.article_id = article.article_id
where article.content_version is not null;

comment on view metrics.articles is
'What the figures are of: one row for every article whose content is known, to join by article_id.';
comment on column metrics.articles.article_id is
'The article, as its publisher names it';
comment on column metrics.articles.headline is
'Its headline';
comment on column metrics.articles.url is
'Its address';
comment on column metrics.articles.site is
'Its site';
comment on column metrics.articles.section is
'Its section';
comment on column metrics.articles.published_at is
'Its anchor: the least publication time of its versions';
comment on column metrics.articles.status is
'published or unpublished';

create view discussion.moderation_queue as
select
    backlog.article_id,
    article.headline,
    backlog.comment_id,
    comment.user_id,
    comment.display_name,
    coalesce(comment.edited_body, comment.first_body) as body,
    comment.posted_at,
    backlog.open_reports,
    backlog.unique_reporters,
    backlog.reasons,
    backlog.oldest_open_at,
    backlog.visible_since is not null as visible,
    case
        when backlog.visible_since is not null
            then greatest(0, extract(epoch from now() - backlog.visible_since))::double precision
    end as exposure_seconds,
    backlog.weight,
    backlog.severity,
    24 * backlog.severity * backlog.weight
    + greatest(0, extract(epoch from now() - backlog.visible_since))::double precision / 3600 as urgency,
    backlog.urgency_key
from metrics.open_reports as backlog
left join discussion.articles as article on article.article_id = backlog.article_id
left join discussion.comments as comment
    on comment.article_id = backlog.article_id and comment.comment_id = backlog.comment_id
order by (backlog.visible_since is not null) desc, backlog.urgency_key desc, backlog.article_id, backlog.comment_id;

comment on view discussion.moderation_queue is
'What moderators should look at first: open_reports with the comment and the urgency of now, which grows by one with every hour that readers see the comment, and by 24 with every full report of the least severity. Comments that readers see come first.';
comment on column discussion.moderation_queue.article_id is
'The article, as its publisher names it';
comment on column discussion.moderation_queue.headline is
'The article''s headline';
comment on column discussion.moderation_queue.comment_id is
'The comment, unique within its article';
comment on column discussion.moderation_queue.user_id is
'Its author';
comment on column discussion.moderation_queue.display_name is
'The author''s name as shown';
comment on column discussion.moderation_queue.body is
'Its text now';
comment on column discussion.moderation_queue.posted_at is
'When it was posted';
comment on column discussion.moderation_queue.open_reports is
'Rounds that nothing has settled';
comment on column discussion.moderation_queue.unique_reporters is
'Distinct reporters of them; signed-in users and anonymous ids are counted apart';
comment on column discussion.moderation_queue.reasons is
'Reasons of them, in order';
comment on column discussion.moderation_queue.oldest_open_at is
'When the oldest of them began';
comment on column discussion.moderation_queue.visible is
'Whether readers see it';
comment on column discussion.moderation_queue.exposure_seconds is
'For how long readers have seen it';
comment on column discussion.moderation_queue.weight is
'Sum over the reporters: 0.5 + accuracy of one whose accuracy is shown, 1 of any other signed-in one, 0.5 of an anonymous one';
comment on column discussion.moderation_queue.severity is
'Of the gravest reason: 3 for threat_violence, illegal_content, sexual_content and privacy; 2 for hate_speech, harassment, personal_abuse and defamation; else 1';
comment on column discussion.moderation_queue.urgency is
'24 * severity * weight + hours of exposure (0 where it is not visible)';
comment on column discussion.moderation_queue.urgency_key is
'The same without the clock: what the queue is ordered by, greatest first, after visible';

create view metrics.trending_articles as
select
    recent.article_id,
    article.headline,
    article.site,
    article.section,
    recent.comments,
    recent.reactions,
    recent.reports,
    before.comments / 8.0::double precision as comments_before,
    recent.comments / nullif(before.comments / 8.0::double precision, 0) as growth
from (
    select
        hourly.article_id,
        sum(hourly.comments)::integer as comments,
        sum(hourly.reactions)::integer as reactions,
        sum(hourly.reports)::integer as reports
    from metrics.article_hourly as hourly
    where hourly.hour > date_trunc('hour', now(), 'UTC') - interval '3 hours'
    group by hourly.article_id
    having sum(hourly.comments) > 0
) as recent
cross join lateral (
    select coalesce(sum(hourly.comments), 0)::double precision as comments
    from metrics.article_hourly as hourly
    where hourly.article_id = recent.article_id
        and hourly.hour <= date_trunc('hour', now(), 'UTC') - interval '3 hours'
        and hourly.hour > date_trunc('hour', now(), 'UTC') - interval '27 hours'
) as before
left join discussion.articles as article on article.article_id = recent.article_id
order by recent.comments desc, recent.article_id;

comment on view metrics.trending_articles is
'Where readers are writing now: articles with comments in the last three hours, most first. Whole hours of UTC: the present one and the two before.';
comment on column metrics.trending_articles.article_id is
'The article, as its publisher names it';
comment on column metrics.trending_articles.headline is
'The article''s headline';
comment on column metrics.trending_articles.site is
'The article''s site';
comment on column metrics.trending_articles.section is
'The article''s section';
comment on column metrics.trending_articles.comments is
'Published comments of the last three hours';
comment on column metrics.trending_articles.reactions is
'Reactions of the last three hours';
comment on column metrics.trending_articles.reports is
'Rounds of reports of the last three hours';
comment on column metrics.trending_articles.comments_before is
'Published comments of the 24 hours before, per three hours';
comment on column metrics.trending_articles.growth is
'comments / comments_before';

create view metrics.closing_soon as
select
    closing_window.article_id,
    article.headline,
    article.site,
    article.section,
    closing_window.closes_at,
    closing_window.closes_at - now() as closes_in,
    engagement.comments_published
from discussion.windows as closing_window
left join discussion.articles as article on article.article_id = closing_window.article_id
left join metrics.article_engagement as engagement on engagement.article_id = closing_window.article_id
where closing_window.state = 'open'
    and closing_window.closes_at > now()
    and closing_window.closes_at <= now() + interval '24 hours'
order by closing_window.closes_at, closing_window.article_id;

comment on view metrics.closing_soon is
'Discussions that are open and will close within 24 hours, the next one first, by the last closing run.';
comment on column metrics.closing_soon.article_id is
'The article, as its publisher names it';
comment on column metrics.closing_soon.headline is
'The article''s headline';
comment on column metrics.closing_soon.site is
'The article''s site';
comment on column metrics.closing_soon.section is
'The article''s section';
comment on column metrics.closing_soon.closes_at is
'When it closes';
comment on column metrics.closing_soon.closes_in is
'How long until then';
comment on column metrics.closing_soon.comments_published is
'Comments in time that were not held, or were approved at least once; also if later deleted or rejected';

create view discussion.discussion_thread as
select
    article.article_id,
    thread.comment_id,
    thread.parent_comment_id,
    thread.depth,
    thread.path,
    thread.user_id,
    thread.display_name,
    thread.role,
    thread.posted_at,
    thread.edited_at,
    thread.body,
    thread.status,
    thread.late_by
from discussion.known_articles as article
cross join lateral discussion.thread_of(article.article_id) as thread;

comment on view discussion.discussion_thread is
'A discussion as moderators read it: one row for every posted comment, in the order of the thread when sorted by path. What readers don''t see is there, too, and says so.';
comment on column discussion.discussion_thread.article_id is
'The article, as its publisher names it';
comment on column discussion.discussion_thread.comment_id is
'The comment, unique within its article';
comment on column discussion.discussion_thread.parent_comment_id is
'What it replies to';
comment on column discussion.discussion_thread.depth is
'1 for a comment that starts a thread or whose parent is not there';
comment on column discussion.discussion_thread.path is
'Posting times and ids from the top of its thread to itself: sorts a discussion as it is read';
comment on column discussion.discussion_thread.user_id is
'Its author';
comment on column discussion.discussion_thread.display_name is
'The author''s name as shown';
comment on column discussion.discussion_thread.role is
'reader or staff';
comment on column discussion.discussion_thread.posted_at is
'When it was posted';
comment on column discussion.discussion_thread.edited_at is
'When it was last edited';
comment on column discussion.discussion_thread.body is
'Its text now';
comment on column discussion.discussion_thread.status is
'visible, held, rejected, deleted or late: what readers see of it, and why not';
comment on column discussion.discussion_thread.late_by is
'How long after the discussion had closed it was posted';

grant execute on function discussion.severity to btl_scheduler;
grant select, insert, delete on ingest.dirty_days, ingest.dirty_reporters to btl_scheduler;
grant select, insert, update, delete on
metrics.article_abuse_reasons,
metrics.article_hourly,
metrics.article_daily,
metrics.section_daily,
metrics.site_daily,
metrics.article_reporters,
metrics.reporter_accuracy,
metrics.open_reports
to btl_scheduler;
grant select on
metrics.article_abuse_reasons,
metrics.article_hourly,
metrics.article_daily,
metrics.section_daily,
metrics.site_daily,
metrics.reporter_accuracy,
metrics.articles,
metrics.trending_articles,
metrics.closing_soon
to btl_reader, btl_moderator;
-- Who reported what is for those who decide about it.
grant select on
metrics.article_reporters,
metrics.open_reports,
discussion.moderation_queue,
discussion.discussion_thread
to btl_moderator;
revoke execute on function discussion.thread_of from public;
grant execute on function discussion.thread_of to btl_moderator;

-- The next run computes the new tables of every article.
insert into ingest.dirty_articles (article_id)
select known.article_id from discussion.known_articles as known;
