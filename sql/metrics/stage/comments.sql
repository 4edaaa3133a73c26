-- Purpose: what each posted comment of a bucket counts as. Staged as computing_comments, with the
--   columns of discussion.comments that definitions name in reads_comments.
-- Parameters: articles; computing_articles is staged. Grain: one row per posted comment. Re-run:
--   reads only.
select
    article.article_no,
    standing.comment_id collate "C" as comment_id,
    standing.user_id collate "C" as user_id,
    standing.parent_comment_id collate "C" as parent_comment_id,
    standing.posted_at,
    standing.role is not distinct from 'staff' as staff,
    standing.parent_comment_id is not null as reply,
    standing.posted_at < article.opens_at + interval '24 hours' as first_day,
    standing.held,
    standing.deleted_at,
    standing.decision,
    standing.decided_at,
    standing.first_approved_at,
    standing.in_time,
    standing.published,
    standing.visible,
    standing.erased,
    standing.first_visible_at
from discussion.comment_standing(%(articles)s) as standing
inner join computing_articles as article on article.article_id = standing.article_id
