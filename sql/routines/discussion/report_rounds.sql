-- Counts "at or before" are running counts whose frame includes rows of the same time: linear, even
-- in a storm of reports. No nested loops: the planner's statistics do not know an article that has
-- just become hot; it would expect a handful of rows and compare each with each. No merge joins: in
-- a storm on one comment they would, too, because their input is sorted by article and comment.
-- Index scans also where the caller has turned them off: deletions are looked up one by one.
create or replace function discussion.report_rounds(in_articles text[])
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
set enable_mergejoin = off
set enable_indexscan = on
set jit = off
as $$
    with report as materialized (
        select
            counted.article_id,
            counted.comment_id,
            counted.report_id,
            case when counted.reporter_user_id is null then 'anonymous' else 'user' end
                as reporter_kind,
            coalesce(counted.reporter_user_id, counted.reporter_anonymous_id) as reporter_id,
            counted.reason,
            counted.reported_at,
            counted.reported_version,
            -- Looked up, since most comments are in no report: a join would read all of them.
            (
                select comment.deleted_at
                from discussion.comments as comment
                where comment.article_id = counted.article_id
                    and comment.comment_id = counted.comment_id
            ) as comment_deleted_at
        from discussion.reports as counted
        where counted.article_id = any(in_articles)
            and counted.reported_at is not null
            and counted.withdrawn_at is null
    ),

    -- rank: by version, twice the place, and one more for a rejection. So the maximum of some
    -- decisions is odd if the last of them rejects.
    moderated as materialized (
        select
            moderation.article_id,
            moderation.comment_id,
            moderation.decision,
            moderation.decided_at,
            moderation.automated,
            moderation.version,
            2 * row_number() over (
                partition by moderation.article_id, moderation.comment_id
                order by moderation.version
            ) + (moderation.decision = 'rejected')::integer as rank
        from discussion.moderation_decisions as moderation
        where moderation.article_id = any(in_articles)
    ),

    human_decision as materialized (
        select
            moderated.article_id,
            moderated.comment_id,
            moderated.decision,
            moderated.decided_at,
            row_number() over (
                partition by moderated.article_id, moderated.comment_id
                order by moderated.decided_at, moderated.version
            ) as place
        from moderated
        where not moderated.automated
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

    comment_turn as (
        select
            happened.article_id,
            happened.comment_id,
            happened.report_id,
            count(happened.edits) over so_far as edits,
            count(happened.human_rank) over so_far as decisions,
            max(happened.human_rank) over so_far as human_rank,
            max(happened.rank) over so_far as rank
        from (
            select
                report.article_id,
                report.comment_id,
                report.report_id,
                report.reported_at as at,
                null::integer as edits,
                null::bigint as human_rank,
                null::bigint as rank
            from report
            union all
            select edit.article_id, edit.comment_id, null, edit.edited_at, 1, null, null
            from discussion.comment_edits as edit
            where edit.article_id = any(in_articles)
            union all
            select
                moderated.article_id,
                moderated.comment_id,
                null,
                moderated.decided_at,
                null,
                case when not moderated.automated then moderated.rank end,
                moderated.rank
            from moderated
        ) as happened
        window so_far as (
            partition by happened.article_id, happened.comment_id order by happened.at
        )
    ),

    reporter_turn as (
        select
            happened.article_id,
            happened.comment_id,
            happened.report_id,
            count(happened.decisions) over (
                partition by
                    happened.article_id,
                    happened.comment_id,
                    happened.reporter_kind,
                    happened.reporter_id
                order by happened.at
            ) as decisions
        from (
            select
                report.article_id,
                report.comment_id,
                report.reporter_kind,
                report.reporter_id,
                report.report_id,
                report.reported_at as at,
                null::integer as decisions
            from report
            union all
            select
                report_decision.article_id,
                report_decision.comment_id,
                report_decision.reporter_kind,
                report_decision.reporter_id,
                null,
                report_decision.decided_at,
                1
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
            -- A person's rejection that nobody took back: nothing was left to decide.
            mod(comment_turn.human_rank, 2) = 1 and mod(comment_turn.rank, 2) = 1 as was_rejected,
            first_value(report.report_id) over (round_of order by report.reported_version)
                as counting_report_id,
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
            (array_agg(report_decision.decision order by report_decision.version desc))[1]
                as decision,
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
            when placed.was_rejected then 'void'
            when report.comment_deleted_at < coalesce(next_decision.decided_at, 'infinity')
                then 'void'
            when next_decision.decision = 'rejected' then 'upheld'
            when next_decision.decision = 'approved' then 'dismissed'
            else 'open'
        end,
        coalesce(
            round_decision.first_decided_at,
            case when placed.was_rejected then report.reported_at end,
            least(report.comment_deleted_at, next_decision.decided_at)
        )
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
    where placed.report_id = placed.counting_report_id
$$;

comment on function discussion.report_rounds is
'Rounds of reports: repeated reports of one reporter on one comment, until the comment is edited, '
'a person moderates it, or a report of that reporter on it is decided. Withdrawn reports are left '
'out. report_id, reason and reported_at are those of the report that counts (least version). '
'outcome is upheld, dismissed, ignored, duplicate, void or open. settled_at is the time of the '
'first decision on one of its reports, else of what settled it: the report that counts itself, if '
'the comment was rejected already, the next decision on the comment, or its deletion.';

grant execute on function discussion.report_rounds to btl_scheduler, btl_moderator;
