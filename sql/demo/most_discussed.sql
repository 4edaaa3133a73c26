-- Purpose: the articles with the most published comments, for a person to read.
-- Grain: one row per article, at most eight.
-- Re-run: reads only.
select
    engagement.article_id as article,
    article.headline,
    engagement.comments_published as published,
    engagement.replies,
    engagement.unique_commenters as people,
    engagement.reactions_net as reactions,
    engagement.late_comments as late,
    engagement.max_depth as depth,
    engagement.state
from metrics.article_engagement as engagement
left join discussion.articles as article on engagement.article_id = article.article_id
order by engagement.comments_published desc, engagement.article_id
limit 8;
