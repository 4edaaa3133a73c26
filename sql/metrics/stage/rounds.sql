-- Stages the rounds of reports of a bucket. Parameters: articles; computing_comments is staged. Grain: one row per round.
-- Safe to re-run: into a temporary table that every commit empties.
insert into computing_rounds (
    article_id, comment_id, reporter_kind, reporter_id, reason, reported_at, began_at, outcome, settled_at, on_published,
    visible_since
)
select
    report_round.article_id,
    report_round.comment_id,
    report_round.reporter_kind,
    report_round.reporter_id,
    report_round.reason,
    report_round.reported_at,
    report_round.began_at,
    report_round.outcome,
    report_round.settled_at,
    coalesce(comment.published, false),
    case when comment.visible then comment.first_visible_at end
from discussion.report_rounds(%(articles)s) as report_round
left join computing_comments as comment
    on comment.article_id = report_round.article_id and comment.comment_id = report_round.comment_id
