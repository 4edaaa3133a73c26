-- Computes metrics.article_engagement for the given articles from the base tables; see definitions.yaml beside it.
-- Parameters: articles, metric_version. Grain: one row per article. Safe to re-run: a function of the rows, by upsert.
with recursive comment as materialized (
    select standing.*
    from discussion.comment_standing(%(articles)s) as standing
),

closing_window as materialized (
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
        count(*) filter (where comment.published and comment.parent_comment_id is null) as top_level,
        count(*) filter (where comment.published and comment.parent_comment_id is not null) as replies,
        min(comment.posted_at) filter (where comment.published) as first_comment_at,
        max(comment.posted_at) filter (where comment.published) as last_comment_at,
        min(comment.posted_at) filter (where comment.published and comment.role is distinct from 'staff') as first_reader_at,
        count(*) filter (
            where comment.published and comment.posted_at < closing_window.opens_at + interval '24 hours'
        ) as first_24h,
        count(*) filter (where comment.in_time and comment.deleted_at is not null) as deleted_by_author,
        count(*) filter (where comment.in_time and comment.held) as held,
        count(*) filter (
            where comment.in_time and comment.held and comment.decision is null and comment.deleted_at is null
        ) as held_waiting,
        percentile_cont(0.5) within group (
            order by greatest(0, extract(epoch from comment.first_approved_at - comment.posted_at))::double precision
        ) filter (where comment.in_time and comment.first_approved_at is not null) as time_to_approval_p50,
        count(*) filter (where comment.in_time and comment.role = 'staff') as staff,
        count(*) filter (where not comment.in_time) as late
    from comment
    left join closing_window on closing_window.article_id = comment.article_id
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
        from comment
        where comment.published
        group by comment.article_id, comment.user_id
    ) as per_author
    group by per_author.article_id
),

peak as (
    select distinct on (per_hour.article_id) per_hour.article_id, per_hour.hour, per_hour.comments
    from (
        select comment.article_id, date_trunc('hour', comment.posted_at, 'UTC') as hour, count(*) as comments
        from comment
        where comment.published
        group by comment.article_id, hour
    ) as per_hour
    order by per_hour.article_id, per_hour.comments desc, per_hour.hour
),

-- Depth from the top down; a parent without a posting counts one. Comments in or below a circle of parents have no top.
walked as (
    select
        comment.article_id,
        comment.comment_id,
        comment.published,
        case when comment.parent_comment_id is null then 1 else 2 end as depth
    from comment
    left join comment as parent
        on parent.article_id = comment.article_id and parent.comment_id = comment.parent_comment_id
    where parent.comment_id is null
    union all
    select reply.article_id, reply.comment_id, reply.published, walked.depth + 1
    from walked
    inner join comment as reply
        on reply.article_id = walked.article_id and reply.parent_comment_id = walked.comment_id
),

circling as materialized (
    select comment.article_id, comment.comment_id, comment.parent_comment_id, comment.published
    from comment
    left join walked on walked.article_id = comment.article_id and walked.comment_id = comment.comment_id
    where walked.comment_id is null
),

climbed as (
    select
        circling.article_id,
        circling.comment_id,
        circling.published,
        circling.parent_comment_id,
        array[circling.comment_id] as met
    from circling
    union all
    select
        climbed.article_id,
        climbed.comment_id,
        climbed.published,
        parent.parent_comment_id,
        climbed.met || parent.comment_id
    from climbed
    inner join circling as parent
        on parent.article_id = climbed.article_id and parent.comment_id = climbed.parent_comment_id
    where not parent.comment_id = any(climbed.met)
),

deepest as (
    select depths.article_id, max(depths.depth) as max_depth
    from (
        select walked.article_id, walked.depth from walked where walked.published
        union all
        select climbed.article_id, cardinality(climbed.met) from climbed where climbed.published
    ) as depths
    group by depths.article_id
),

edited as (
    select comment.article_id, count(distinct comment.comment_id) as comments
    from discussion.comment_edits as edit
    inner join comment on comment.article_id = edit.article_id and comment.comment_id = edit.comment_id
    left join closing_window on closing_window.article_id = edit.article_id
    where edit.article_id = any(%(articles)s)
        and comment.published
        and discussion.in_time(
            edit.article_id, closing_window.opens_at, closing_window.closes_at, closing_window.has_gaps, edit.edited_at
        )
    group by comment.article_id
),

reacted as (
    select
        reaction.article_id,
        count(*) as added,
        count(*) filter (where reaction.is_on) as net
    from discussion.reactions as reaction
    inner join comment on comment.article_id = reaction.article_id and comment.comment_id = reaction.comment_id
    left join closing_window on closing_window.article_id = reaction.article_id
    where reaction.article_id = any(%(articles)s)
        and comment.published
        and reaction.first_added_at is not null
        and (closing_window.reactions_close_at is null or reaction.first_added_at < closing_window.reactions_close_at)
    group by reaction.article_id
)

insert into metrics.article_engagement as kept (
    article_id, comments_submitted, comments_published, comments_visible, top_level, replies, max_depth, reply_share,
    unique_commenters, top5_share, first_comment_at, last_comment_at, time_to_first_comment_seconds, reactions_net,
    reactions_added, engagement, first_24h_share, peak_hour, peak_hour_comments, edited, deleted_by_author, held_comments,
    held_waiting, time_to_approval_p50_seconds, staff_comments, late_comments, state, closes_at, closed_at, final,
    reactions_final, revision, computed_at, metric_version, watermark
)
select
    known.article_id,
    coalesce(counted.submitted, 0),
    coalesce(counted.published, 0),
    coalesce(counted.visible, 0),
    coalesce(counted.top_level, 0),
    coalesce(counted.replies, 0),
    deepest.max_depth,
    counted.replies::double precision / nullif(counted.published, 0),
    coalesce(author.authors, 0),
    author.by_top5::double precision / nullif(counted.published, 0),
    counted.first_comment_at,
    counted.last_comment_at,
    case
        when counted.first_reader_at is not null and closing_window.opens_at is not null
            then greatest(0, extract(epoch from counted.first_reader_at - closing_window.opens_at))::double precision
    end,
    coalesce(reacted.net, 0),
    coalesce(reacted.added, 0),
    coalesce(counted.published, 0) + coalesce(reacted.added, 0),
    case
        when closing_window.opens_at is not null
            then counted.first_24h::double precision / nullif(counted.published, 0)
    end,
    peak.hour,
    peak.comments,
    coalesce(edited.comments, 0),
    coalesce(counted.deleted_by_author, 0),
    coalesce(counted.held, 0),
    coalesce(counted.held_waiting, 0),
    counted.time_to_approval_p50,
    coalesce(counted.staff, 0),
    coalesce(counted.late, 0),
    closing_window.state,
    closing_window.closes_at,
    closing_window.closed_at,
    coalesce(closing_window.final, false),
    coalesce(closing_window.reactions_final, false),
    coalesce(closing_window.revision, 0),
    clock_timestamp(),
    %(metric_version)s,
    (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null)
from discussion.known_articles as known
left join closing_window on closing_window.article_id = known.article_id
left join counted on counted.article_id = known.article_id
left join author on author.article_id = known.article_id
left join peak on peak.article_id = known.article_id
left join deepest on deepest.article_id = known.article_id
left join edited on edited.article_id = known.article_id
left join reacted on reacted.article_id = known.article_id
where known.article_id = any(%(articles)s)
on conflict (article_id) do update
    set
        comments_submitted = excluded.comments_submitted,
        comments_published = excluded.comments_published,
        comments_visible = excluded.comments_visible,
        top_level = excluded.top_level,
        replies = excluded.replies,
        max_depth = excluded.max_depth,
        reply_share = excluded.reply_share,
        unique_commenters = excluded.unique_commenters,
        top5_share = excluded.top5_share,
        first_comment_at = excluded.first_comment_at,
        last_comment_at = excluded.last_comment_at,
        time_to_first_comment_seconds = excluded.time_to_first_comment_seconds,
        reactions_net = excluded.reactions_net,
        reactions_added = excluded.reactions_added,
        engagement = excluded.engagement,
        first_24h_share = excluded.first_24h_share,
        peak_hour = excluded.peak_hour,
        peak_hour_comments = excluded.peak_hour_comments,
        edited = excluded.edited,
        deleted_by_author = excluded.deleted_by_author,
        held_comments = excluded.held_comments,
        held_waiting = excluded.held_waiting,
        time_to_approval_p50_seconds = excluded.time_to_approval_p50_seconds,
        staff_comments = excluded.staff_comments,
        late_comments = excluded.late_comments,
        state = excluded.state,
        closes_at = excluded.closes_at,
        closed_at = excluded.closed_at,
        final = excluded.final,
        reactions_final = excluded.reactions_final,
        revision = excluded.revision,
        computed_at = excluded.computed_at,
        metric_version = excluded.metric_version,
        watermark = excluded.watermark
