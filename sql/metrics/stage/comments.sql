-- Purpose: what each posted comment of a bucket counts as. Staged as computing_comments, with the
--   columns of discussion.comments that definitions name in reads_comments.
-- Parameters: articles. Grain: one row per posted comment. Re-run: reads only.
select
    standing.article_id collate "C" as article_id,
    standing.comment_id collate "C" as comment_id,
    standing.user_id collate "C" as user_id,
    standing.role,
    standing.parent_comment_id collate "C" as parent_comment_id,
    standing.posted_at,
    standing.held,
    standing.deleted_at,
    standing.decision,
    standing.decided_at,
    standing.first_approved_at,
    standing.in_time,
    standing.published,
    standing.visible,
    standing.first_visible_at
from discussion.comment_standing(%(articles)s) as standing
