-- A function of one article, so that the walk begins at its comments and not at everybody's. No
-- nested loops: see discussion.report_rounds.
create or replace function discussion.thread_of(in_article_id text)
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
    erased_at timestamptz,
    body text,
    status text,
    late_by interval
)
language sql stable security definer set search_path = pg_catalog, pg_temp
set enable_nestloop = off
as $$
    with recursive posted as materialized (
        select
            comment.comment_id,
            comment.parent_comment_id,
            array[
                to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                comment.comment_id
            ] as place,
            row_number() over (order by comment.comment_id)::integer as number
        from discussion.comments as comment
        where comment.article_id = in_article_id and comment.posted_at is not null
    ),

    linked as materialized (
        select
            reply.comment_id,
            reply.place,
            reply.number,
            case
                when reply.parent_comment_id is null then 0 else coalesce(parent.number, -1)
            end as parent
        from posted as reply
        left join posted as parent on parent.comment_id = reply.parent_comment_id
    ),

    deep as materialized (
        select each.number, each.depth
        from (
            select
                discussion.thread_depths(
                    array_agg(linked.parent order by linked.number)
                ) as depths
            from linked
        ) as threaded
        cross join lateral unnest(threaded.depths) with ordinality as each (depth, number)
    ),

    walk as (
        select linked.number, linked.place as path
        from linked
        where linked.parent <= 0
        union all
        select reply.number, walk.path || reply.place
        from walk
        inner join linked as reply on reply.parent = walk.number
    )

    select
        comment.comment_id,
        comment.parent_comment_id,
        deep.depth,
        -- No walk from a top meets those in or below a circle of parents: each is shown as a top.
        coalesce(walk.path, linked.place),
        comment.user_id,
        nullif(comment.display_name, ''),
        comment.role,
        comment.posted_at,
        comment.edited_at,
        standing.erased_at,
        nullif(coalesce(comment.edited_body, comment.first_body), ''),
        case
            when comment.deleted_at is not null then 'deleted'
            when not standing.in_time then 'late'
            when standing.visible and article.status = 'unpublished' then 'unpublished'
            when standing.visible then 'visible'
            when standing.erased then 'erased'
            when standing.decision = 'rejected' then 'rejected'
            else 'held'
        end,
        late.late_by
    from discussion.comment_standing(array[in_article_id]) as standing
    inner join discussion.comments as comment
        on comment.article_id = in_article_id and comment.comment_id = standing.comment_id
    left join discussion.articles as article on article.article_id = in_article_id
    inner join linked on linked.comment_id = comment.comment_id
    inner join deep on deep.number = linked.number
    left join walk on walk.number = linked.number
    left join discussion.late_comments as late
        on late.article_id = in_article_id and late.comment_id = comment.comment_id
$$;

comment on function discussion.thread_of is
'The discussion of one article as moderators read it: see the view discussion_thread.';

grant execute on function discussion.thread_of to btl_moderator;
