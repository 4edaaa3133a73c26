-- Purpose: the discussions that closed last, for a person to read.
-- Grain: one row per article, at most eight.
-- Re-run: reads only.
select
    closed.article_id as article,
    article.headline,
    closed.opens_at,
    closed.closed_at,
    closed.reason,
    engagement.comments_published as published,
    engagement.late_comments as late
from discussion.windows as closed
left join discussion.articles as article on closed.article_id = article.article_id
left join metrics.article_engagement as engagement on closed.article_id = engagement.article_id
where closed.state = 'closed'
order by closed.closed_at desc, closed.article_id
limit 8;
