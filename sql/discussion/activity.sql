-- Comments, late ones among them, and reports of an article in equal steps of time; what lies
-- before the first step or after the last is not counted. Late by the timeline as it is now,
-- whatever a closing run has stored.
-- Parameters: article, first_at, step, steps. Grain: one row per step in which there was anything.
--   Reads only.
with piece as materialized (
    select timeline.starts_at, timeline.ends_at
    from discussion.timeline(array[%(article)s]) as timeline
    where not timeline.accepted
),

anchor as materialized (
    select anchors.anchor
    from discussion.anchors(array[%(article)s]) as anchors
),

happened as (
    select
        comment.posted_at as at,
        1 as comments,
        (
            comment.posted_at >= coalesce((select anchor.anchor from anchor), '-infinity')
            and exists (
                select from piece
                where (piece.starts_at is null or piece.starts_at <= comment.posted_at)
                    and (piece.ends_at is null or comment.posted_at < piece.ends_at)
            )
        )::integer as late,
        0 as reports
    from discussion.comments as comment
    where comment.article_id = %(article)s and comment.posted_at is not null
    union all
    select report.reported_at, 0, 0, 1
    from discussion.reports as report
    where
        report.article_id = %(article)s
        and report.reported_at is not null
        and report.withdrawn_at is null
),

stepped as (
    select
        floor(
            extract(epoch from happened.at - %(first_at)s)
            / extract(epoch from %(step)s::interval)
        )::integer as step,
        happened.comments,
        happened.late,
        happened.reports
    from happened
)

select
    stepped.step,
    sum(stepped.comments)::integer as comments,
    sum(stepped.late)::integer as late,
    sum(stepped.reports)::integer as reports
from stepped
where stepped.step >= 0 and stepped.step < %(steps)s
group by stepped.step
order by stepped.step
