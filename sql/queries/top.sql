-- Purpose: articles with their figures, for lists of those with most of something: `btl top` adds
--   by what, and how many.
-- Parameters: none here. Grain: one row per article. Re-run: reads only.
select
    engagement.article_id,
    article.headline,
    article.section,
    engagement.comments_published as comments,
    engagement.unique_commenters as people,
    engagement.reactions_net as reactions,
    engagement.engagement,
    engagement.late_comments as late,
    abuse.reports,
    abuse.open_reports,
    abuse.rejected,
    engagement.state
from metrics.article_engagement as engagement
inner join metrics.article_abuse as abuse on abuse.article_id = engagement.article_id
left join metrics.articles as article on article.article_id = engagement.article_id
