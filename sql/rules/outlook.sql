-- The windows and late comments that the present rules give the given articles, by the timeline. It
-- reads no stored window. Parameters: articles, cut_off. Grain: one row per article. fingerprint:
-- differs where the window or the time for reactions differs. Reads only.
with piece as materialized (
    select timeline.article_id, timeline.starts_at, timeline.ends_at, timeline.accepted
    from discussion.timeline(%(articles)s) as timeline
),

anchor as materialized (
    select anchors.article_id, anchors.anchor, anchors.reactions_window_hours
    from discussion.anchors(%(articles)s) as anchors
),

late as (
    select comment.article_id, count(*) as comments
    from discussion.comments as comment
    inner join anchor on anchor.article_id = comment.article_id
    inner join piece
        on piece.article_id = comment.article_id
        and not piece.accepted
        and (piece.starts_at is null or piece.starts_at <= comment.posted_at)
        and (piece.ends_at is null or comment.posted_at < piece.ends_at)
    where comment.article_id = any(%(articles)s) and comment.posted_at >= anchor.anchor
    group by comment.article_id
)

select
    piece.article_id,
    md5(
        string_agg(
            concat_ws(
                ' ',
                piece.accepted,
                extract(epoch from piece.starts_at),
                extract(epoch from piece.ends_at)
            ),
            ',' order by piece.starts_at nulls first
        ) || ' ' || min(anchor.reactions_window_hours)
    ) as fingerprint,
    bool_or(piece.accepted) filter (
        where (piece.starts_at is null or piece.starts_at <= %(cut_off)s)
            and (piece.ends_at is null or %(cut_off)s < piece.ends_at)
    ) as accepted,
    coalesce(min(late.comments), 0) as late_comments
from piece
left join anchor on anchor.article_id = piece.article_id
left join late on late.article_id = piece.article_id
group by piece.article_id
