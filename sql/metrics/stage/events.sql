-- Purpose: what happened under the articles of a bucket, each event at its own time: the one
--   definition for hours and days.
-- Parameters: none; a view of what is staged. Grain: one row per event; user_id is null except for
--   published comments.
-- Re-run: replaces the session's own view.
create or replace temporary view computing_events as
select
    comment.article_id,
    comment.posted_at as happened_at,
    comment.published::integer as comments,
    (comment.published and comment.parent_comment_id is not null)::integer as replies,
    0 as reactions,
    0 as reports,
    0 as rejected,
    (not comment.in_time)::integer as late,
    case when comment.published then comment.user_id end as user_id
from computing_comments as comment
where comment.published or not comment.in_time
union all
select comment.article_id, comment.decided_at, 0, 0, 0, 0, 1, 0, null
from computing_comments as comment
where comment.in_time and comment.decision = 'rejected' and comment.deleted_at is null
union all
select reaction.article_id, reaction.first_added_at, 0, 0, 1, 0, 0, 0, null
from computing_reactions as reaction
union all
select report_round.article_id, report_round.reported_at, 0, 0, 0, 1, 0, 0, null
from computing_rounds as report_round
