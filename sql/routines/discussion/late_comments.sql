-- Comments posted while the discussion was closed. Columns: sql/metrics/late_comments.
create or replace view discussion.late_comments as
select
    comment.article_id,
    comment.comment_id,
    comment.posted_at,
    piece.ends_at as closed_at,
    comment.posted_at - coalesce(piece.ends_at, closing_window.opens_at) as late_by
from discussion.comments as comment
inner join discussion.windows as closing_window on closing_window.article_id = comment.article_id
left join lateral (
    select max(earlier.ends_at) as ends_at
    from discussion.window_intervals as earlier
    where earlier.article_id = comment.article_id and earlier.ends_at <= comment.posted_at
) as piece on true
where comment.posted_at is not null
    and not discussion.in_time(
        comment.article_id,
        closing_window.opens_at,
        closing_window.closes_at,
        closing_window.has_gaps,
        comment.posted_at
    );

grant select on discussion.late_comments to btl_scheduler, btl_moderator;
