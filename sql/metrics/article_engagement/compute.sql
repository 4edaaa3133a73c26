-- What metrics.article_engagement says of the articles of a bucket; see definitions.yaml beside it.
-- revision: the last one that was kept, plus one. `statements.revising` adds what this run
-- replaces.
-- Parameters: articles; the bucket is staged. Grain: one row per article. Reads only.
with counted as (
    select
        comment.article_no,
        count(*) as submitted,
        count(*) filter (where comment.published) as published,
        count(*) filter (where comment.visible) as visible,
        count(*) filter (where comment.published and not comment.reply) as top_level,
        count(*) filter (where comment.published and comment.reply) as replies,
        min(comment.posted_at) filter (where comment.published) as first_comment_at,
        max(comment.posted_at) filter (where comment.published) as last_comment_at,
        min(comment.posted_at)
            filter (where comment.published and not comment.staff) as first_reader_at,
        count(*) filter (where comment.published and comment.first_day) as first_24h,
        count(*)
            filter (where comment.in_time and comment.deleted_at is not null) as deleted_by_author,
        count(*) filter (where comment.in_time and comment.held) as held,
        count(*) filter (
            where
                comment.in_time
                and comment.held
                and comment.decision is null
                and comment.deleted_at is null
        ) as held_waiting,
        count(*) filter (where comment.in_time and comment.staff) as staff,
        count(*) filter (where not comment.in_time) as late
    from computing_comments as comment
    group by comment.article_no
),

waited as (
    select
        comment.article_no,
        percentile_cont(0.5) within group (
            order by
                greatest(
                    0, extract(epoch from comment.first_approved_at - comment.posted_at)
                )::double precision
        ) as time_to_approval_p50
    from computing_comments as comment
    where comment.in_time and comment.first_approved_at is not null
    group by comment.article_no
),

-- Authors who wrote equally many are one row: the first five lie in the first few rows.
author as (
    select
        alike.article_no,
        sum(alike.authors)::integer as authors,
        sum(alike.comments * least(alike.authors, greatest(0, 5 - alike.before))) as by_top5
    from (
        select
            per_author.article_no,
            per_author.comments,
            count(*) as authors,
            coalesce(
                sum(count(*)) over (
                    partition by per_author.article_no
                    order by per_author.comments desc
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as before
        from (
            select person.article_no, sum(person.comments) as comments
            from computing_people_days as person
            where person.comments > 0
            group by person.article_no, person.person_no
        ) as per_author
        group by per_author.article_no, per_author.comments
    ) as alike
    group by alike.article_no
),

peak as (
    select distinct on (per_hour.article_no)
        per_hour.article_no,
        per_hour.hour,
        per_hour.comments
    from computing_hours as per_hour
    where per_hour.comments > 0
    order by per_hour.article_no, per_hour.comments desc, per_hour.hour
),

edited as (
    select comment.article_no, count(distinct comment.comment_id) as comments
    from discussion.comment_edits as edit
    inner join computing_articles as article on article.article_id = edit.article_id
    inner join computing_comments as comment
        on comment.article_no = article.article_no and comment.comment_id = edit.comment_id
    where edit.article_id = any(%(articles)s)
        and comment.published
        and discussion.in_time(
            edit.article_id, article.opens_at, article.closes_at, article.has_gaps, edit.edited_at
        )
    group by comment.article_no
),

reacted as (
    select
        reaction.article_no,
        count(*) as added,
        count(*) filter (where reaction.is_on) as net
    from computing_reactions as reaction
    group by reaction.article_no
)

select
    known.article_id,
    coalesce(counted.submitted, 0) as comments_submitted,
    coalesce(counted.published, 0) as comments_published,
    coalesce(counted.visible, 0) as comments_visible,
    coalesce(counted.top_level, 0) as top_level,
    coalesce(counted.replies, 0) as replies,
    depth.max_depth,
    counted.replies::double precision / nullif(counted.published, 0) as reply_share,
    coalesce(author.authors, 0) as unique_commenters,
    author.by_top5::double precision / nullif(counted.published, 0) as top5_share,
    counted.first_comment_at,
    counted.last_comment_at,
    case
        when counted.first_reader_at is not null and known.opens_at is not null
            then
                greatest(
                    0, extract(epoch from counted.first_reader_at - known.opens_at)
                )::double precision
    end as time_to_first_comment_seconds,
    coalesce(reacted.net, 0) as reactions_net,
    coalesce(reacted.added, 0) as reactions_added,
    coalesce(counted.published, 0) + coalesce(reacted.added, 0) as engagement,
    case
        when known.opens_at is not null
            then counted.first_24h::double precision / nullif(counted.published, 0)
    end as first_24h_share,
    peak.hour as peak_hour,
    peak.comments as peak_hour_comments,
    coalesce(edited.comments, 0) as edited,
    coalesce(counted.deleted_by_author, 0) as deleted_by_author,
    coalesce(counted.held, 0) as held_comments,
    coalesce(counted.held_waiting, 0) as held_waiting,
    waited.time_to_approval_p50 as time_to_approval_p50_seconds,
    coalesce(counted.staff, 0) as staff_comments,
    coalesce(counted.late, 0) as late_comments,
    closing_window.state,
    closing_window.closes_at,
    closing_window.closed_at,
    coalesce(closing_window.final, false) and not pending.comments as final,
    coalesce(closing_window.reactions_final, false) and not pending.any_change as reactions_final,
    coalesce(replaced_before.revision + 1, 0) as revision
from computing_articles as known
left join counted on counted.article_no = known.article_no
left join waited on waited.article_no = known.article_no
left join author on author.article_no = known.article_no
left join peak on peak.article_no = known.article_no
left join computing_depths as depth on depth.article_no = known.article_no
left join edited on edited.article_no = known.article_no
left join reacted on reacted.article_no = known.article_no
left join (
    select revision.article_id, max(revision.revision) as revision
    from metrics.article_engagement_revisions as revision
    where revision.article_id = any(%(articles)s)
    group by revision.article_id
) as replaced_before on replaced_before.article_id = known.article_id
-- Read here and not staged, after comments and together with the changes that no closing run has
-- seen: a closing run that takes such a change meanwhile has put off what is final.
left join (
    select
        placed.article_id,
        placed.state,
        placed.closes_at,
        placed.closed_at,
        placed.final,
        placed.reactions_final
    from discussion.windows as placed
    where placed.article_id = any(%(articles)s)
) as closing_window on closing_window.article_id = known.article_id
-- Of a change that no closing run has seen yet the grace has not ended.
cross join lateral (
    select coalesce(bool_or(mark.what = 'comments'), false) as comments, count(*) > 0 as any_change
    from ingest.dirty_discussions as mark
    where mark.article_id = known.article_id
) as pending
