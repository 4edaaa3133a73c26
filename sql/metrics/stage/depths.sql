-- Purpose: the greatest depth of a published comment under each article of a bucket, as
--   discussion.thread_depths defines depth. Staged as computing_depths. Walks down from the tops,
--   level by level, as far as discussions normally go: all articles at once. What the walk did not
--   meet lies deeper, below a parent without a posting or in a circle of parents; articles with
--   such comments are left to the function.
-- Parameters: none; computing_comments is staged. Grain: one row per article with a posted comment;
--   max_depth is null if nothing is published. Re-run: reads only.
with recursive walk as (
    select
        top.article_no,
        top.comment_id,
        top.published,
        1 as depth
    from computing_comments as top
    where not top.reply
    union all
    select
        reply.article_no,
        reply.comment_id,
        reply.published,
        walk.depth + 1
    from walk
    inner join computing_comments as reply
        on reply.article_no = walk.article_no and reply.parent_comment_id = walk.comment_id
    where walk.depth < 32
),

walked as materialized (
    select
        every.article_no,
        every.comments = met.comments as is_whole,
        met.max_depth
    from (
        select comment.article_no, count(*) as comments
        from computing_comments as comment
        group by comment.article_no
    ) as every
    left join (
        select
            walk.article_no,
            count(*) as comments,
            max(walk.depth) filter (where walk.published) as max_depth
        from walk
        group by walk.article_no
    ) as met on met.article_no = every.article_no
),

numbered as materialized (
    select
        comment.article_no,
        comment.comment_id,
        comment.parent_comment_id,
        comment.reply,
        comment.published,
        row_number() over (partition by comment.article_no)::integer as number
    from computing_comments as comment
    where comment.article_no in (
        select walked.article_no from walked where walked.is_whole is not true
    )
),

-- One row per article: joining depths to comments again would pair all with all.
threaded as (
    select
        reply.article_no,
        array_agg(reply.published order by reply.number) as published,
        discussion.thread_depths(
            array_agg(
                case when reply.reply then coalesce(parent.number, -1) else 0 end
                order by reply.number
            )
        ) as depths
    from numbered as reply
    left join numbered as parent
        on parent.article_no = reply.article_no and parent.comment_id = reply.parent_comment_id
    group by reply.article_no
)

select walked.article_no, walked.max_depth
from walked
where walked.is_whole
union all
select
    threaded.article_no,
    (
        select max(each.depth)
        from unnest(threaded.depths, threaded.published) as each (depth, published)
        where each.published
    )
from threaded
