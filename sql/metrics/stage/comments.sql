-- Stages what each posted comment of a bucket counts as. Parameters: articles. Grain: one row per posted comment.
-- decided_at is that of rejections alone: nothing needs others. Safe to re-run: into a temporary table that every commit empties.
insert into computing_comments (
    article_id, comment_id, user_id, role, parent_comment_id, posted_at, held, deleted_at, decision, decided_at,
    first_approved_at, in_time, published, visible, first_visible_at
)
select
    standing.article_id,
    standing.comment_id,
    standing.user_id,
    standing.role,
    standing.parent_comment_id,
    standing.posted_at,
    standing.held,
    standing.deleted_at,
    standing.decision,
    comment.decided_at,
    standing.first_approved_at,
    standing.in_time,
    standing.published,
    standing.visible,
    standing.first_visible_at
from discussion.comment_standing(%(articles)s) as standing
left join (
    select rejected.article_id, rejected.comment_id, rejected.decided_at
    from discussion.comments as rejected
    where rejected.article_id = any(%(articles)s) and rejected.decision = 'rejected'
) as comment on comment.article_id = standing.article_id and comment.comment_id = standing.comment_id
