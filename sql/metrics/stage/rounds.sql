-- Purpose: the rounds of reports of a bucket. Staged as computing_rounds.
-- Parameters: articles; computing_articles and computing_comments are staged. Grain: one row per
--   round. Re-run: reads only.
select
    article.article_no,
    report_round.comment_id collate "C" as comment_id,
    report_round.reporter_kind,
    report_round.reporter_id collate "C" as reporter_id,
    report_round.reason,
    report_round.reported_at,
    report_round.began_at,
    report_round.outcome,
    report_round.settled_at,
    coalesce(comment.published, false) as on_published,
    case when comment.visible then comment.first_visible_at end as visible_since
from discussion.report_rounds(%(articles)s) as report_round
inner join computing_articles as article on article.article_id = report_round.article_id
left join computing_comments as comment
    on comment.article_no = article.article_no and comment.comment_id = report_round.comment_id
