-- Purpose: the articles whose comments were reported most, for a person to read.
-- Grain: one row per article, at most eight; none without a report.
-- Re-run: reads only.
select
    abuse.article_id as article,
    article.headline,
    abuse.reports,
    abuse.unique_reporters as people,
    abuse.upheld,
    abuse.dismissed,
    abuse.open_reports as open,
    make_interval(secs => round(abuse.time_to_decision_p50_seconds)::integer) as decided_in,
    abuse.rejected
from metrics.article_abuse as abuse
left join discussion.articles as article on abuse.article_id = article.article_id
where abuse.reports > 0
order by abuse.reports desc, abuse.article_id
limit 8;
