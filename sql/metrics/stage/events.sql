-- Purpose: what happened under the articles of a bucket besides comments, each event at its own
--   time: the one definition for hours and days.
-- Parameters: none; a view of what is staged. Grain: one row per event.
-- Re-run: replaces the session's own view.
create or replace temporary view computing_events as
select
    comment.article_no,
    comment.decided_at as happened_at,
    0 as reactions,
    0 as reports,
    1 as rejected
from computing_comments as comment
where comment.in_time and comment.decision = 'rejected' and comment.deleted_at is null
union all
select reaction.article_no, reaction.first_added_at, 1, 0, 0
from computing_reactions as reaction
union all
select report_round.article_no, report_round.reported_at, 0, 1, 0
from computing_rounds as report_round
