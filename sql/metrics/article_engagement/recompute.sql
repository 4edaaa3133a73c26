-- Computes metrics.article_engagement for the given articles from the base tables; see definitions.yaml beside it.
-- Parameters: articles, metric_version. Grain: one row per article. Safe to re-run: a function of the rows, by upsert; revision
-- counts the rows that were replaced although they were final, which a second run does not do again.
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

-- Depth, by doubling: whoever knows where 1, 2, 4, ... steps up the thread lead is at the top after few rounds, however deep
-- the thread. A walk level by level costs all comments at every level. One row per article and round; arrays without
-- nulls, because only those are looked up in constant time.
numbered as materialized (
    select
        comment.article_id,
        comment.comment_id,
        comment.parent_comment_id,
        comment.published,
        row_number() over (partition by comment.article_id)::integer as number
    from comment
),

-- above: the number of the parent, 0 without a posted one. A parent without a posting counts one.
linked as materialized (
    select
        reply.article_id,
        reply.number,
        reply.published,
        coalesce(parent.number, 0) as above,
        case when reply.parent_comment_id is null or parent.number is not null then 1 else 2 end as depth
    from numbered as reply
    left join numbered as parent
        on parent.article_id = reply.article_id and parent.comment_id = reply.parent_comment_id
),

-- After as many steps as there are comments all have left by the top, but for those in or below a circle of parents: they
-- are somewhere in it, and each of its members is met. lowest: the least number on the way, which names the circle.
climbed as (
    select
        linked.article_id,
        1 as steps,
        array_agg(linked.above order by linked.number) as above,
        array_agg(linked.number order by linked.number) as lowest
    from linked
    group by linked.article_id
    union all
    select climbed.article_id, climbed.steps * 2, doubled.above, doubled.lowest
    from climbed
    cross join lateral (
        select
            array_agg(coalesce(climbed.above[way.above], 0) order by way.number) as above,
            array_agg(least(way.lowest, climbed.lowest[way.above]) order by way.number) as lowest
        from unnest(climbed.above, climbed.lowest) with ordinality as way (above, lowest, number)
    ) as doubled
    where climbed.steps < cardinality(climbed.above) and 0 < any(climbed.above)
),

circle as materialized (
    select
        member.article_id,
        member.number,
        count(*) over (partition by member.article_id, member.lowest)::integer as members
    from (
        select distinct climbed.article_id, way.above as number, climbed.lowest[way.above] as lowest
        from climbed
        cross join lateral unnest(climbed.above) as way (above)
        where climbed.steps >= cardinality(climbed.above) and way.above > 0
    ) as member
),

-- Now a member of a circle is a top, as deep as its circle has members.
measured as (
    select
        linked.article_id,
        array_agg(case when circle.number is null then linked.above else 0 end order by linked.number) as above,
        array_agg(coalesce(circle.members, linked.depth) order by linked.number) as depth,
        array_agg(linked.published order by linked.number) as published
    from linked
    left join circle on circle.article_id = linked.article_id and circle.number = linked.number
    group by linked.article_id
    union all
    select measured.article_id, doubled.above, doubled.depth, measured.published
    from measured
    cross join lateral (
        select
            array_agg(coalesce(measured.above[way.above], 0) order by way.number) as above,
            array_agg(way.depth + coalesce(measured.depth[way.above], 0) order by way.number) as depth
        from unnest(measured.above, measured.depth) with ordinality as way (above, depth, number)
    ) as doubled
    where 0 < any(measured.above)
),

-- Article by article: joining the comments again would pair all with all, or carry the arrays through a sort.
deepest as (
    select
        measured.article_id,
        (
            select max(way.depth)
            from unnest(measured.depth, measured.published) as way (depth, published)
            where way.published
        ) as max_depth
    from measured
    where 0 = all(measured.above)
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
),

computed as materialized (
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
                then greatest(0, extract(epoch from counted.first_reader_at - closing_window.opens_at))::double precision
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
        coalesce(replaced_before.revision + 1, 0) as revision,
        clock_timestamp() as computed_at,
        (select max(barrier.taken_at) from ingest.barriers as barrier where barrier.passed_at is not null) as watermark
    from discussion.known_articles as known
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
    where known.article_id = any(%(articles)s)
),

-- Final figures that change: the row as it was is kept, and what follows is a new revision.
replaced as (
    insert into metrics.article_engagement_revisions (
        article_id, comments_submitted, comments_published, comments_visible, top_level, replies, max_depth,
        reply_share, unique_commenters, top5_share, first_comment_at, last_comment_at, time_to_first_comment_seconds,
        reactions_net, reactions_added, engagement, first_24h_share, peak_hour, peak_hour_comments, edited,
        deleted_by_author, held_comments, held_waiting, time_to_approval_p50_seconds, staff_comments, late_comments,
        state, closes_at, closed_at, final, reactions_final, revision, computed_at, metric_version, watermark
    )
    select
        before.article_id,
        before.comments_submitted,
        before.comments_published,
        before.comments_visible,
        before.top_level,
        before.replies,
        before.max_depth,
        before.reply_share,
        before.unique_commenters,
        before.top5_share,
        before.first_comment_at,
        before.last_comment_at,
        before.time_to_first_comment_seconds,
        before.reactions_net,
        before.reactions_added,
        before.engagement,
        before.first_24h_share,
        before.peak_hour,
        before.peak_hour_comments,
        before.edited,
        before.deleted_by_author,
        before.held_comments,
        before.held_waiting,
        before.time_to_approval_p50_seconds,
        before.staff_comments,
        before.late_comments,
        before.state,
        before.closes_at,
        before.closed_at,
        before.final,
        before.reactions_final,
        computed.revision,
        before.computed_at,
        before.metric_version,
        before.watermark
    from metrics.article_engagement as before
    inner join computed on computed.article_id = before.article_id
    where (
        before.final
        and (
            before.comments_submitted, before.comments_published, before.comments_visible, before.top_level,
            before.replies, before.max_depth, before.reply_share, before.unique_commenters, before.top5_share,
            before.first_comment_at, before.last_comment_at, before.time_to_first_comment_seconds,
            before.first_24h_share, before.peak_hour, before.peak_hour_comments, before.edited,
            before.deleted_by_author, before.held_comments, before.held_waiting, before.time_to_approval_p50_seconds,
            before.staff_comments, before.late_comments
        ) is distinct from (
            computed.comments_submitted, computed.comments_published, computed.comments_visible, computed.top_level,
            computed.replies, computed.max_depth, computed.reply_share, computed.unique_commenters,
            computed.top5_share, computed.first_comment_at, computed.last_comment_at,
            computed.time_to_first_comment_seconds, computed.first_24h_share, computed.peak_hour,
            computed.peak_hour_comments, computed.edited, computed.deleted_by_author, computed.held_comments,
            computed.held_waiting, computed.time_to_approval_p50_seconds, computed.staff_comments,
            computed.late_comments
        )
    )
    or (
        before.reactions_final
        and (
            before.reactions_net, before.reactions_added, before.engagement
        ) is distinct from (
            computed.reactions_net, computed.reactions_added, computed.engagement
        )
    )
    returning article_id
)

insert into metrics.article_engagement as kept (
    article_id, comments_submitted, comments_published, comments_visible, top_level, replies, max_depth, reply_share,
    unique_commenters, top5_share, first_comment_at, last_comment_at, time_to_first_comment_seconds, reactions_net,
    reactions_added, engagement, first_24h_share, peak_hour, peak_hour_comments, edited, deleted_by_author,
    held_comments, held_waiting, time_to_approval_p50_seconds, staff_comments, late_comments, state, closes_at,
    closed_at, final, reactions_final, revision, computed_at, metric_version, watermark
)
select
    computed.article_id,
    computed.comments_submitted,
    computed.comments_published,
    computed.comments_visible,
    computed.top_level,
    computed.replies,
    computed.max_depth,
    computed.reply_share,
    computed.unique_commenters,
    computed.top5_share,
    computed.first_comment_at,
    computed.last_comment_at,
    computed.time_to_first_comment_seconds,
    computed.reactions_net,
    computed.reactions_added,
    computed.engagement,
    computed.first_24h_share,
    computed.peak_hour,
    computed.peak_hour_comments,
    computed.edited,
    computed.deleted_by_author,
    computed.held_comments,
    computed.held_waiting,
    computed.time_to_approval_p50_seconds,
    computed.staff_comments,
    computed.late_comments,
    computed.state,
    computed.closes_at,
    computed.closed_at,
    computed.final,
    computed.reactions_final,
    computed.revision + (replaced.article_id is not null)::integer,
    computed.computed_at,
    %(metric_version)s,
    computed.watermark
from computed
left join replaced on replaced.article_id = computed.article_id
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
