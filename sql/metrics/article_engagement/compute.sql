-- What metrics.article_engagement says of the articles of a bucket; see definitions.yaml beside it.
-- revision: the last one that was kept, plus one. `statements.revising` adds what this run
-- replaces.
-- Parameters: articles; the bucket is staged. Grain: one row per article. Reads only.
with closing_window as materialized (
    select known.*
    from discussion.windows as known
    where known.article_id = any(%(articles)s)
),

counted as (
    select
        comment.article_id,
        count(*) as submitted,
        count(*) filter (where comment.published) as published,
        count(*) filter (where comment.visible) as visible,
        count(*)
            filter (where comment.published and comment.parent_comment_id is null) as top_level,
        count(*)
            filter (where comment.published and comment.parent_comment_id is not null) as replies,
        min(comment.posted_at) filter (where comment.published) as first_comment_at,
        max(comment.posted_at) filter (where comment.published) as last_comment_at,
        min(comment.posted_at)
            filter (
                where comment.published and comment.role is distinct from 'staff'
            ) as first_reader_at,
        count(*) filter (
            where comment.published and comment.posted_at < article.opens_at + interval '24 hours'
        ) as first_24h,
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
        percentile_cont(0.5) within group (
            order by
                greatest(
                    0, extract(epoch from comment.first_approved_at - comment.posted_at)
                )::double precision
        )
            filter (
                where comment.in_time and comment.first_approved_at is not null
            ) as time_to_approval_p50,
        count(*) filter (where comment.in_time and comment.role = 'staff') as staff,
        count(*) filter (where not comment.in_time) as late
    from computing_comments as comment
    left join computing_articles as article on article.article_id = comment.article_id
    group by comment.article_id
),

author as (
    select
        per_author.article_id,
        count(*) as authors,
        sum(per_author.comments) filter (where per_author.place <= 5) as by_top5
    from (
        select
            comment.article_id,
            count(*) as comments,
            row_number() over (partition by comment.article_id order by count(*) desc) as place
        from computing_comments as comment
        where comment.published
        group by comment.article_id, comment.user_id
    ) as per_author
    group by per_author.article_id
),

peak as (
    select distinct on (per_hour.article_id) per_hour.article_id, per_hour.hour, per_hour.comments
    from (
        select
            comment.article_id,
            date_bin('1 hour', comment.posted_at, '1970-01-01 00:00+00') as hour,
            count(*) as comments
        from computing_comments as comment
        where comment.published
        group by comment.article_id, hour
    ) as per_hour
    order by per_hour.article_id, per_hour.comments desc, per_hour.hour
),

-- One row per article: joining depths to comments again would pair all with all.
numbered as materialized (
    select
        comment.article_id,
        comment.comment_id,
        comment.parent_comment_id,
        comment.published,
        row_number() over (partition by comment.article_id)::integer as number
    from computing_comments as comment
),

threaded as materialized (
    select
        reply.article_id,
        array_agg(reply.published order by reply.number) as published,
        discussion.thread_depths(
            array_agg(
                case
                    when reply.parent_comment_id is null then 0 else coalesce(parent.number, -1)
                end
                order by reply.number
            )
        ) as depths
    from numbered as reply
    left join numbered as parent
        on parent.article_id = reply.article_id and parent.comment_id = reply.parent_comment_id
    group by reply.article_id
),

deepest as (
    select
        threaded.article_id,
        (
            select max(each.depth)
            from unnest(threaded.depths, threaded.published) as each (depth, published)
            where each.published
        ) as max_depth
    from threaded
),

edited as (
    select comment.article_id, count(distinct comment.comment_id) as comments
    from discussion.comment_edits as edit
    inner join computing_comments as comment
        on comment.article_id = edit.article_id and comment.comment_id = edit.comment_id
    inner join computing_articles as article on article.article_id = edit.article_id
    where edit.article_id = any(%(articles)s)
        and comment.published
        and discussion.in_time(
            edit.article_id, article.opens_at, article.closes_at, article.has_gaps, edit.edited_at
        )
    group by comment.article_id
),

reacted as (
    select
        reaction.article_id,
        count(*) as added,
        count(*) filter (where reaction.is_on) as net
    from computing_reactions as reaction
    group by reaction.article_id
)

select
    known.article_id,
    coalesce(counted.submitted, 0) as comments_submitted,
    coalesce(counted.published, 0) as comments_published,
    coalesce(counted.visible, 0) as comments_visible,
    coalesce(counted.top_level, 0) as top_level,
    coalesce(counted.replies, 0) as replies,
    deepest.max_depth,
    counted.replies::double precision / nullif(counted.published, 0) as reply_share,
    coalesce(author.authors, 0) as unique_commenters,
    author.by_top5::double precision / nullif(counted.published, 0) as top5_share,
    counted.first_comment_at,
    counted.last_comment_at,
    case
        when counted.first_reader_at is not null and closing_window.opens_at is not null
            then
                greatest(
                    0, extract(epoch from counted.first_reader_at - closing_window.opens_at)
                )::double precision
    end as time_to_first_comment_seconds,
    coalesce(reacted.net, 0) as reactions_net,
    coalesce(reacted.added, 0) as reactions_added,
    coalesce(counted.published, 0) + coalesce(reacted.added, 0) as engagement,
    case
        when closing_window.opens_at is not null
            then counted.first_24h::double precision / nullif(counted.published, 0)
    end as first_24h_share,
    peak.hour as peak_hour,
    peak.comments as peak_hour_comments,
    coalesce(edited.comments, 0) as edited,
    coalesce(counted.deleted_by_author, 0) as deleted_by_author,
    coalesce(counted.held, 0) as held_comments,
    coalesce(counted.held_waiting, 0) as held_waiting,
    counted.time_to_approval_p50 as time_to_approval_p50_seconds,
    coalesce(counted.staff, 0) as staff_comments,
    coalesce(counted.late, 0) as late_comments,
    closing_window.state,
    closing_window.closes_at,
    closing_window.closed_at,
    coalesce(closing_window.final, false) and not pending.comments as final,
    coalesce(closing_window.reactions_final, false) and not pending.any_change as reactions_final,
    coalesce(replaced_before.revision + 1, 0) as revision
from computing_articles as known
left join closing_window on closing_window.article_id = known.article_id
left join counted on counted.article_id = known.article_id
left join author on author.article_id = known.article_id
left join peak on peak.article_id = known.article_id
left join deepest on deepest.article_id = known.article_id
left join edited on edited.article_id = known.article_id
left join reacted on reacted.article_id = known.article_id
left join (
    select revision.article_id, max(revision.revision) as revision
    from metrics.article_engagement_revisions as revision
    where revision.article_id = any(%(articles)s)
    group by revision.article_id
) as replaced_before on replaced_before.article_id = known.article_id
-- Of a change that no closing run has seen yet the grace has not ended.
cross join lateral (
    select coalesce(bool_or(mark.what = 'comments'), false) as comments, count(*) > 0 as any_change
    from ingest.dirty_discussions as mark
    where mark.article_id = known.article_id
) as pending
