-- Purpose: everything that was written, reported and decided about one comment, for
--   `btl thread --comment`.
-- Parameters: article, comment, max_rows.
-- Grain: one row per posting, edit, deletion, decision, report, withdrawal and decision on a
--   report, by time. entries: the number of them all, in each row.
--   outcome: of a report, that of its round; repeated: an earlier report of the same round counts.
--   erased: its text and name, or its reporter, are erased.
-- Re-run: safe; it only reads.
with round as materialized (
    select rounds.report_id, rounds.outcome
    from discussion.report_rounds(array[%(article)s]) as rounds
    where rounds.comment_id = %(comment)s
),

entry as (
    select
        comment.posted_at as happened_at,
        1 as place,
        'posted' as what,
        comment.user_id as who,
        nullif(comment.display_name, '') as name,
        null as report_id,
        case when comment.held then 'held' end as decision,
        null as reason,
        nullif(comment.first_body, '') as text,
        null as law,
        null::boolean as automated,
        null as outcome,
        comment.first_body = '' as erased
    from discussion.comments as comment
    where comment.article_id = %(article)s
        and comment.comment_id = %(comment)s
        and comment.posted_at is not null
    union all
    select edit.edited_at, 2, 'edited', null, null, null, null, null, nullif(edit.body, ''), null,
        null, null, edit.body = ''
    from discussion.comment_edits as edit
    where edit.article_id = %(article)s and edit.comment_id = %(comment)s
    union all
    select comment.deleted_at, 6, 'deleted', comment.user_id, nullif(comment.display_name, ''),
        null, null, null, null, null, null, null, false
    from discussion.comments as comment
    where comment.article_id = %(article)s
        and comment.comment_id = %(comment)s
        and comment.deleted_at is not null
    union all
    select moderation.decided_at, 4, 'moderated', moderation.decided_by, null, null,
        moderation.decision, moderation.reason, null, null, moderation.automated, null, false
    from discussion.moderation_decisions as moderation
    where moderation.article_id = %(article)s and moderation.comment_id = %(comment)s
    union all
    select
        report.reported_at,
        3,
        'reported',
        coalesce(report.reporter_user_id, report.reporter_anonymous_id),
        case when report.reporter_user_id is null then 'anonymous' end,
        report.report_id,
        null,
        report.reason,
        report.note,
        report.law,
        null,
        case
            when report.withdrawn_at is not null then 'withdrawn'
            else coalesce(round.outcome, 'repeated')
        end,
        report.erased_at is not null
    from discussion.reports as report
    left join round on round.report_id = report.report_id
    where report.article_id = %(article)s
        and report.comment_id = %(comment)s
        and report.reported_at is not null
    union all
    select report.withdrawn_at, 5, 'report withdrawn', null, null, report.report_id, null, null,
        null, null, null, null, false
    from discussion.reports as report
    where report.article_id = %(article)s
        and report.comment_id = %(comment)s
        and report.withdrawn_at is not null
    union all
    select decided.decided_at, 5, 'report decided', decided.decided_by, null, decided.report_id,
        decided.decision, null, decided.explanation, null, null, null, false
    from discussion.report_decisions as decided
    where decided.article_id = %(article)s and decided.comment_id = %(comment)s
)

select
    entry.happened_at,
    entry.what,
    entry.who,
    entry.name,
    entry.report_id,
    entry.decision,
    entry.reason,
    entry.text,
    entry.law,
    entry.automated,
    entry.outcome,
    entry.erased,
    count(*) over () as entries
from entry
order by entry.happened_at, entry.place, entry.report_id
limit %(max_rows)s
