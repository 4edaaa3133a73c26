-- Purpose: a discussion as moderators read it, with the outcomes of the reports, for `btl thread`.
-- Parameters: article, comment (null: all of its comments).
-- Grain: one row per posted comment, in the order in which the discussion is read. decision: the
--   last one about it; null: there is none.
-- Re-run: safe; it only reads.
with round as materialized (
    select
        rounds.comment_id,
        count(*) as reports,
        count(*) filter (where rounds.outcome = 'open') as open_reports,
        count(*) filter (where rounds.outcome = 'upheld') as upheld,
        count(*) filter (where rounds.outcome = 'dismissed') as dismissed,
        count(*) filter (where rounds.outcome in ('ignored', 'duplicate', 'void')) as other
    from discussion.report_rounds(array[%(article)s]) as rounds
    group by rounds.comment_id
)

select
    thread.comment_id,
    thread.parent_comment_id,
    thread.depth,
    thread.user_id,
    thread.display_name,
    thread.role,
    thread.posted_at,
    thread.edited_at,
    thread.erased_at,
    thread.body,
    thread.status,
    extract(epoch from thread.late_by)::double precision as late_by_seconds,
    comment.decision,
    coalesce(round.reports, 0) as reports,
    coalesce(round.open_reports, 0) as open_reports,
    coalesce(round.upheld, 0) as upheld,
    coalesce(round.dismissed, 0) as dismissed,
    coalesce(round.other, 0) as other_outcomes
from discussion.discussion_thread as thread
inner join discussion.comments as comment
    on comment.article_id = thread.article_id and comment.comment_id = thread.comment_id
left join round on round.comment_id = thread.comment_id
where thread.article_id = %(article)s
    and (%(comment)s::text is null or thread.comment_id = %(comment)s::text)
order by thread.path
