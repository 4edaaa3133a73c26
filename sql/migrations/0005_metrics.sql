-- Metric tables, and the views of what a comment counts as. The definitions of the columns are in sql/metrics/*/definitions.yaml.
set local role btl_owner;

create function discussion.in_intervals(in_article_id text, in_at timestamptz) returns boolean
language sql stable security definer set search_path = ''
as $$
    select exists (
        select from discussion.window_intervals as piece
        where piece.article_id = in_article_id
            and (piece.starts_at is null or piece.starts_at <= in_at)
            and (piece.ends_at is null or in_at < piece.ends_at)
    )
$$;

comment on function discussion.in_intervals is
'Was the discussion open then? For windows with gaps; see in_time.';

-- No subquery in it, so that the planner writes it into the calling statement: one comparison for nearly every comment.
create function discussion.in_time(
    in_article_id text,
    in_opens_at timestamptz,
    in_closes_at timestamptz,
    in_has_gaps boolean,
    in_at timestamptz
) returns boolean
language sql stable
as $$
    select case
        when in_has_gaps is null then true
        when in_at < in_opens_at then true
        when in_has_gaps then discussion.in_intervals(in_article_id, in_at)
        when in_closes_at is null then true
        else in_at < in_closes_at
    end
$$;

comment on function discussion.in_time is
'Is something done at in_at in time, given the columns of the article''s row of discussion.windows (all null: no row)? Before opens_at counts as in time; so does everything while no window is known.';

-- A function of articles and not a view, so that windows, too, are looked up by the given articles: a view would leave the
-- planner the choice between all windows and one look-up for each comment.
create function discussion.comment_standing(in_articles text[])
returns table (
    article_id text,
    comment_id text,
    user_id text,
    role text,
    parent_comment_id text,
    posted_at timestamptz,
    held boolean,
    deleted_at timestamptz,
    decision text,
    first_approved_at timestamptz,
    in_time boolean,
    published boolean,
    visible boolean,
    first_visible_at timestamptz
)
language sql stable
as $$
    select
        standing.article_id,
        standing.comment_id,
        standing.user_id,
        standing.role,
        standing.parent_comment_id,
        standing.posted_at,
        standing.held,
        standing.deleted_at,
        standing.decision,
        standing.first_approved_at,
        standing.in_time,
        standing.in_time and (not standing.held or standing.first_approved_at is not null),
        standing.in_time
        and (not standing.held or standing.first_approved_at is not null)
        and standing.decision is distinct from 'rejected'
        and standing.deleted_at is null,
        case when standing.held then standing.first_approved_at else standing.posted_at end
    from (
        select
            comment.article_id,
            comment.comment_id,
            comment.user_id,
            comment.role,
            comment.parent_comment_id,
            comment.posted_at,
            coalesce(comment.held, false) as held,
            comment.deleted_at,
            comment.decision,
            case
                when comment.held then (
                    select min(approval.decided_at)
                    from discussion.moderation_decisions as approval
                    where approval.article_id = comment.article_id
                        and approval.comment_id = comment.comment_id
                        and approval.decision = 'approved'
                )
            end as first_approved_at,
            discussion.in_time(
                comment.article_id,
                closing_window.opens_at,
                closing_window.closes_at,
                closing_window.has_gaps,
                comment.posted_at
            ) as in_time
        from discussion.comments as comment
        left join (
            select known.article_id, known.opens_at, known.closes_at, known.has_gaps
            from discussion.windows as known
            where known.article_id = any(in_articles)
        ) as closing_window on closing_window.article_id = comment.article_id
        where comment.article_id = any(in_articles) and comment.posted_at is not null
    ) as standing
$$;

comment on function discussion.comment_standing is
'What each posted comment of the given articles counts as; the one definition. in_time: posted while the discussion accepted comments, or before it opened. published: in time, and not held or approved at least once. visible: published, and now neither rejected nor deleted. first_approved_at is of held comments; first_visible_at is null while nobody saw it.';

create view discussion.late_comments as
select
    comment.article_id,
    comment.comment_id,
    comment.posted_at,
    piece.ends_at as closed_at,
    comment.posted_at - coalesce(piece.ends_at, closing_window.opens_at) as late_by
from discussion.comments as comment
inner join discussion.windows as closing_window on closing_window.article_id = comment.article_id
left join lateral (
    select max(earlier.ends_at) as ends_at
    from discussion.window_intervals as earlier
    where earlier.article_id = comment.article_id and earlier.ends_at <= comment.posted_at
) as piece on true
where not discussion.in_time(
    comment.article_id,
    closing_window.opens_at,
    closing_window.closes_at,
    closing_window.has_gaps,
    comment.posted_at
);

comment on view discussion.late_comments is
'Comments posted when the discussion did not accept any: kept, counted, in no other figure.';
comment on column discussion.late_comments.article_id is
'The article, as its publisher names it';
comment on column discussion.late_comments.comment_id is
'The comment, as the comment service names it';
comment on column discussion.late_comments.posted_at is
'When it was posted';
comment on column discussion.late_comments.closed_at is
'When the discussion had last closed before; null: it never was open';
comment on column discussion.late_comments.late_by is
'How long after that';

create view discussion.known_articles as
select article.article_id from discussion.articles as article
union
select article_version.article_id from discussion.article_versions as article_version
union
select override.article_id from discussion.discussion_overrides as override
union
select comment.article_id from discussion.comments as comment
union
select edit.article_id from discussion.comment_edits as edit
union
select moderation.article_id from discussion.moderation_decisions as moderation
union
select report.article_id from discussion.reports as report
union
select report_decision.article_id from discussion.report_decisions as report_decision
union
select reaction.article_id from discussion.reactions as reaction;

comment on view discussion.known_articles is
'Every article that any event named: each has a row in the metric tables.';
comment on column discussion.known_articles.article_id is
'The article, as its publisher names it';

-- Counts "at or before" are running counts whose frame includes rows of the same time: linear, also in a storm of reports.
-- No nested loops: of an article that has just become hot the planner's statistics know nothing, it would expect a handful
-- of rows and compare all with all.
create function discussion.report_rounds(in_articles text[])
returns table (
    article_id text,
    comment_id text,
    reporter_kind text,
    reporter_id text,
    report_id text,
    reason text,
    reported_at timestamptz,
    began_at timestamptz,
    outcome text,
    settled_at timestamptz
)
language sql stable
set enable_nestloop = off
set jit = off
as $$
    with report as materialized (
        select
            counted.article_id,
            counted.comment_id,
            counted.report_id,
            case when counted.reporter_user_id is null then 'anonymous' else 'user' end as reporter_kind,
            coalesce(counted.reporter_user_id, counted.reporter_anonymous_id) as reporter_id,
            counted.reason,
            counted.reported_at,
            counted.reported_version
        from discussion.reports as counted
        where counted.article_id = any(in_articles)
            and counted.reported_at is not null
            and counted.withdrawn_at is null
    ),

    human_decision as materialized (
        select
            moderation.article_id,
            moderation.comment_id,
            moderation.decision,
            moderation.decided_at,
            row_number() over (
                partition by moderation.article_id, moderation.comment_id
                order by moderation.decided_at, moderation.version
            ) as place
        from discussion.moderation_decisions as moderation
        where moderation.article_id = any(in_articles) and not moderation.automated
    ),

    report_decision as materialized (
        select
            report.article_id,
            report.comment_id,
            report.report_id,
            report.reporter_kind,
            report.reporter_id,
            decided.decision,
            decided.decided_at,
            decided.version
        from discussion.report_decisions as decided
        inner join report
            on report.article_id = decided.article_id
            and report.comment_id = decided.comment_id
            and report.report_id = decided.report_id
        where decided.article_id = any(in_articles)
    ),

    deleted_comment as (
        select deleted.article_id, deleted.comment_id, deleted.deleted_at
        from discussion.comments as deleted
        where deleted.article_id = any(in_articles) and deleted.deleted_at is not null
    ),

    comment_turn as (
        select
            happened.article_id,
            happened.comment_id,
            happened.report_id,
            count(happened.edits) over so_far as edits,
            count(happened.decisions) over so_far as decisions
        from (
            select report.article_id, report.comment_id, report.report_id, report.reported_at as at,
                null::integer as edits, null::integer as decisions
            from report
            union all
            select edit.article_id, edit.comment_id, null, edit.edited_at, 1, null
            from discussion.comment_edits as edit
            where edit.article_id = any(in_articles)
            union all
            select human_decision.article_id, human_decision.comment_id, null, human_decision.decided_at, null, 1
            from human_decision
        ) as happened
        window so_far as (partition by happened.article_id, happened.comment_id order by happened.at)
    ),

    reporter_turn as (
        select
            happened.article_id,
            happened.comment_id,
            happened.report_id,
            count(happened.decisions) over (
                partition by happened.article_id, happened.comment_id, happened.reporter_kind, happened.reporter_id
                order by happened.at
            ) as decisions
        from (
            select report.article_id, report.comment_id, report.reporter_kind, report.reporter_id, report.report_id,
                report.reported_at as at, null::integer as decisions
            from report
            union all
            select report_decision.article_id, report_decision.comment_id, report_decision.reporter_kind,
                report_decision.reporter_id, null, report_decision.decided_at, 1
            from report_decision
        ) as happened
    ),

    -- A report's round, named by the report that counts in it.
    placed as materialized (
        select
            report.article_id,
            report.comment_id,
            report.report_id,
            comment_turn.decisions as human_decisions_before,
            first_value(report.report_id) over (round_of order by report.reported_version) as counting_report_id,
            min(report.reported_at) over round_of as began_at
        from report
        inner join comment_turn
            on comment_turn.article_id = report.article_id
            and comment_turn.comment_id = report.comment_id
            and comment_turn.report_id = report.report_id
        inner join reporter_turn
            on reporter_turn.article_id = report.article_id
            and reporter_turn.comment_id = report.comment_id
            and reporter_turn.report_id = report.report_id
        window round_of as (
            partition by
                report.article_id,
                report.comment_id,
                report.reporter_kind,
                report.reporter_id,
                comment_turn.edits,
                comment_turn.decisions,
                reporter_turn.decisions
        )
    ),

    round_decision as (
        select
            placed.article_id,
            placed.comment_id,
            placed.counting_report_id,
            (array_agg(report_decision.decision order by report_decision.version desc))[1] as decision,
            min(report_decision.decided_at) as first_decided_at
        from placed
        inner join report_decision
            on report_decision.article_id = placed.article_id
            and report_decision.comment_id = placed.comment_id
            and report_decision.report_id = placed.report_id
        group by placed.article_id, placed.comment_id, placed.counting_report_id
    )

    select
        report.article_id,
        report.comment_id,
        report.reporter_kind,
        report.reporter_id,
        report.report_id,
        report.reason,
        report.reported_at,
        placed.began_at,
        case
            when round_decision.decision is not null then round_decision.decision
            when comment.deleted_at < coalesce(next_decision.decided_at, 'infinity') then 'void'
            when next_decision.decision = 'rejected' then 'upheld'
            when next_decision.decision = 'approved' then 'dismissed'
            else 'open'
        end,
        coalesce(round_decision.first_decided_at, least(comment.deleted_at, next_decision.decided_at))
    from placed
    inner join report
        on report.article_id = placed.article_id
        and report.comment_id = placed.comment_id
        and report.report_id = placed.report_id
    left join round_decision
        on round_decision.article_id = placed.article_id
        and round_decision.comment_id = placed.comment_id
        and round_decision.counting_report_id = placed.report_id
    left join human_decision as next_decision
        on next_decision.article_id = placed.article_id
        and next_decision.comment_id = placed.comment_id
        and next_decision.place = placed.human_decisions_before + 1
    left join deleted_comment as comment
        on comment.article_id = placed.article_id and comment.comment_id = placed.comment_id
    where placed.report_id = placed.counting_report_id
$$;

comment on function discussion.report_rounds is
'Rounds of reports: repeated reports of one reporter on one comment, until the comment is edited, a person moderates it, or a report of that reporter on it is decided; withdrawn ones are left out. report_id, reason and reported_at are those of the report that counts (least version); outcome is upheld, dismissed, ignored, duplicate, void or open; settled_at is the first decision''s time.';


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

comment on table metrics.article_engagement is
'What readers did under an article. One row for every article that any event named.';
comment on column metrics.article_engagement.article_id is
'The article, as its publisher names it';
comment on column metrics.article_engagement.comments_submitted is
'All comments posted, late and held ones included';
comment on column metrics.article_engagement.comments_published is
'Comments in time that were not held, or were approved at least once; also if later deleted or rejected';
comment on column metrics.article_engagement.comments_visible is
'Published comments that now are neither rejected nor deleted nor erased';
comment on column metrics.article_engagement.top_level is
'Published comments without a parent';
comment on column metrics.article_engagement.replies is
'Published comments that name a parent, known or not';
comment on column metrics.article_engagement.max_depth is
'Greatest depth: the distinct posted comments met walking up from a comment, itself included (late, held and unpublished ones like others), plus one if the walk ends at a parent without a posting';
comment on column metrics.article_engagement.reply_share is
'replies / comments_published';
comment on column metrics.article_engagement.unique_commenters is
'Distinct authors';
comment on column metrics.article_engagement.top5_share is
'Share of the comments written by the five most active authors';
comment on column metrics.article_engagement.first_comment_at is
'When the first comment was posted';
comment on column metrics.article_engagement.last_comment_at is
'When the last comment was posted';
comment on column metrics.article_engagement.time_to_first_comment_seconds is
'From the anchor (publication) to the first comment of a reader, at least 0';
comment on column metrics.article_engagement.reactions_net is
'Reactions that are on now and were first added inside the reaction window';
comment on column metrics.article_engagement.reactions_added is
'Reactions ever added, first inside the reaction window; also if removed since';
comment on column metrics.article_engagement.engagement is
'comments_published + reactions_added';
comment on column metrics.article_engagement.first_24h_share is
'Share posted before anchor + 24 hours';
comment on column metrics.article_engagement.peak_hour is
'Start of the hour (UTC) with most comments, the earliest on a tie';
comment on column metrics.article_engagement.peak_hour_comments is
'Comments in that hour';
comment on column metrics.article_engagement.edited is
'Comments with an edit made in time';
comment on column metrics.article_engagement.deleted_by_author is
'Comments that their author deleted';
comment on column metrics.article_engagement.held_comments is
'Comments that were held for a moderator at posting';
comment on column metrics.article_engagement.held_waiting is
'Held comments without any decision yet and not deleted';
comment on column metrics.article_engagement.time_to_approval_p50_seconds is
'Median from posting to the first approval by anyone, at least 0';
comment on column metrics.article_engagement.staff_comments is
'Comments by the site''s staff';
comment on column metrics.article_engagement.late_comments is
'Comments posted when the discussion did not accept any; kept, but in no other figure than comments_submitted';
comment on column metrics.article_engagement.state is
'open, closed or cannot_close at the last cut-off of close_discussions';
comment on column metrics.article_engagement.closes_at is
'When the discussion closes or closed for the last time';
comment on column metrics.article_engagement.closed_at is
'When it last closed, up to the cut-off';
comment on column metrics.article_engagement.final is
'The comment figures no longer change unless a revision says so';
comment on column metrics.article_engagement.reactions_final is
'The reaction figures no longer change unless a revision says so';
comment on column metrics.article_engagement.revision is
'How often final figures were replaced';
comment on column metrics.article_engagement.computed_at is
'When this row was computed';
comment on column metrics.article_engagement.metric_version is
'Version of these definitions';
comment on column metrics.article_engagement.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';


create table metrics.article_abuse (
    article_id text collate "C" not null,
    reports integer not null,
    unique_reporters integer not null,
    anonymous_reports integer not null,
    reported_comments integer not null,
    reported_comment_rate double precision,
    reports_per_1000 double precision,
    upheld integer not null,
    dismissed integer not null,
    ignored integer not null,
    duplicates integer not null,
    void integer not null,
    open_reports integer not null,
    oldest_open_at timestamptz,
    uphold_rate double precision,
    time_to_decision_p50_seconds double precision,
    time_to_decision_p90_seconds double precision,
    rejected integer not null,
    rejection_rate double precision,
    exposure_p50_seconds double precision,
    computed_at timestamptz not null,
    metric_version integer not null,
    watermark timestamptz,
    primary key (article_id)
);

comment on table metrics.article_abuse is
'What readers complained about under an article, and what became of it. One row for every article that any event named. Reports are counted in rounds: repeated reports of one reporter on one comment count once, until the comment is edited, a person moderates it, or a report of that reporter on it is decided. Withdrawn reports do not count.';
comment on column metrics.article_abuse.article_id is
'The article, as its publisher names it';
comment on column metrics.article_abuse.reports is
'Rounds of reports';
comment on column metrics.article_abuse.unique_reporters is
'Distinct reporters; signed-in users and anonymous ids are counted apart';
comment on column metrics.article_abuse.anonymous_reports is
'Rounds of reporters who were not signed in';
comment on column metrics.article_abuse.reported_comments is
'Published comments with at least one round';
comment on column metrics.article_abuse.reported_comment_rate is
'reported_comments / published comments';
comment on column metrics.article_abuse.reports_per_1000 is
'Rounds on published comments per 1,000 published comments';
comment on column metrics.article_abuse.upheld is
'Rounds whose last decision is upheld or, without one, whose comment was next rejected by a person';
comment on column metrics.article_abuse.dismissed is
'Rounds whose last decision is dismissed or, without one, whose comment was next approved by a person';
comment on column metrics.article_abuse.ignored is
'Rounds whose last decision is ignored';
comment on column metrics.article_abuse.duplicates is
'Rounds whose last decision is duplicate';
comment on column metrics.article_abuse.void is
'Rounds whose last decision is void or, without one, whose comment its author deleted before a person moderated it';
comment on column metrics.article_abuse.open_reports is
'Rounds that nothing has settled';
comment on column metrics.article_abuse.oldest_open_at is
'When the oldest open round began';
comment on column metrics.article_abuse.uphold_rate is
'upheld / (upheld + dismissed)';
comment on column metrics.article_abuse.time_to_decision_p50_seconds is
'Median from a round''s earliest report to its first decision, at least 0';
comment on column metrics.article_abuse.time_to_decision_p90_seconds is
'Ninth decile of the same';
comment on column metrics.article_abuse.rejected is
'Comments whose last decision is rejected and that their author did not delete, held ones that were never published included';
comment on column metrics.article_abuse.rejection_rate is
'rejected / (rejected + visible + erased): comments deleted by their author are left out';
comment on column metrics.article_abuse.exposure_p50_seconds is
'Median from first being visible to the first later rejection by anyone, else to deletion by its author, at least 0';
comment on column metrics.article_abuse.computed_at is
'When this row was computed';
comment on column metrics.article_abuse.metric_version is
'Version of these definitions';
comment on column metrics.article_abuse.watermark is
'Everything produced before this time was in the tables when the row was computed (T of the last passed barrier)';

grant select on discussion.known_articles to btl_scheduler;
grant execute on function discussion.comment_standing to btl_scheduler;
grant select on discussion.late_comments to btl_scheduler, btl_moderator;
grant select, insert, update, delete on metrics.article_engagement, metrics.article_abuse to btl_scheduler;
grant select on metrics.article_engagement, metrics.article_abuse to btl_reader, btl_moderator;
grant execute on function discussion.report_rounds to btl_scheduler;
