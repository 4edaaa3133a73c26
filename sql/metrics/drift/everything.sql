-- Every article that any event named or any metric row speaks of, in order. Parameters: none.
-- Grain: one row per article. Reads only.
select known.article_id from discussion.known_articles as known
union
select engagement.article_id from metrics.article_engagement as engagement
union
select abuse.article_id from metrics.article_abuse as abuse
union
select reason.article_id from metrics.article_abuse_reasons as reason
union
select hourly.article_id from metrics.article_hourly as hourly
union
select daily.article_id from metrics.article_daily as daily
union
select commenters.article_id from metrics.article_commenters as commenters
union
select reporter.article_id from metrics.article_reporters as reporter
union
select backlog.article_id from metrics.open_reports as backlog
order by article_id
