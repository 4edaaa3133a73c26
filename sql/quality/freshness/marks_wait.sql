-- Severity: warn
-- Says: articles have waited for their metrics for more than half an hour
-- Do: look at the runs of article_metrics; articles that fail are named in its errors
-- Grain: one row if so. Re-run: reads only.
select count(distinct mark.article_id) as articles, min(mark.marked_at) as oldest
from ingest.dirty_articles as mark
where mark.marked_at < now() - interval '30 minutes'
having count(*) > 0
