-- A function of one article, so that the walk begins at its comments and not at everybody's.
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
    body text,
    status text,
    late_by interval
)
language sql stable security definer set search_path = ''
as $$
    with recursive walk as (
        select
            comment.comment_id,
            1 as depth,
            array[to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), comment.comment_id] as path
        from discussion.comments as comment
        where comment.article_id = in_article_id
            and comment.posted_at is not null
            and not exists (
                select from discussion.comments as parent
                where parent.article_id = comment.article_id
                    and parent.comment_id = comment.parent_comment_id
                    and parent.posted_at is not null
            )
        union all
        select
            reply.comment_id,
            walk.depth + 1,
            walk.path || to_char(reply.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || reply.comment_id
        from walk
        inner join discussion.comments as reply
            on reply.article_id = in_article_id
            and reply.parent_comment_id = walk.comment_id
            and reply.posted_at is not null
    )

    select
        comment.comment_id,
        comment.parent_comment_id,
        coalesce(walk.depth, 1),
        coalesce(
            walk.path,
            array[to_char(comment.posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), comment.comment_id]
        ),
        comment.user_id,
        comment.display_name,
        comment.role,
        comment.posted_at,
        comment.edited_at,
        coalesce(comment.edited_body, comment.first_body),
        case
            when comment.deleted_at is not null then 'deleted'
            when not standing.in_time then 'late'
            when standing.visible then 'visible'
            when standing.decision = 'rejected' then 'rejected'
            else 'held'
        end,
        late.late_by
    from discussion.comment_standing(array[in_article_id]) as standing
    inner join discussion.comments as comment
        on comment.article_id = in_article_id and comment.comment_id = standing.comment_id
    -- Those in a circle of parents are met from no top: each is shown as one.
    left join walk on walk.comment_id = comment.comment_id
    left join discussion.late_comments as late
        on late.article_id = in_article_id and late.comment_id = comment.comment_id
$$;

comment on function discussion.thread_of is
'The discussion of one article as moderators read it: see the view discussion_thread.';

revoke execute on function discussion.thread_of from public;
grant execute on function discussion.thread_of to btl_moderator;
