-- What metrics.article_reporters says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article and signed-in reporter. Reads
--   only.
select
    article.article_id,
    report_round.reporter_id as user_id,
    count(*) as reports,
    count(*) filter (where report_round.outcome = 'upheld') as upheld,
    count(*) filter (where report_round.outcome = 'dismissed') as dismissed,
    count(*) filter (where report_round.outcome = 'ignored') as ignored,
    count(*) filter (where report_round.outcome = 'duplicate') as duplicates,
    count(*) filter (where report_round.outcome = 'void') as void,
    count(*) filter (where report_round.outcome = 'open') as open_reports
from computing_rounds as report_round
inner join computing_articles as article on article.article_no = report_round.article_no
where report_round.reporter_kind = 'user'
group by article.article_id, report_round.reporter_id
