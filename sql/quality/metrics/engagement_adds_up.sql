-- Severity: fail
-- Says: figures of an article's engagement contradict each other
-- Do: btl metrics drift --articles ID names the wrong ones, btl metrics rebuild --articles ID
--   computes them again
-- Grain: one row per article. Re-run: reads only.
select
    engagement.article_id,
    engagement.comments_submitted,
    engagement.comments_published,
    engagement.comments_visible,
    engagement.top_level,
    engagement.replies,
    engagement.unique_commenters,
    engagement.late_comments,
    engagement.reactions_net,
    engagement.reactions_added,
    engagement.engagement
from metrics.article_engagement as engagement
where engagement.comments_published <> engagement.top_level + engagement.replies
    or engagement.comments_visible > engagement.comments_published
    or engagement.comments_published + engagement.late_comments > engagement.comments_submitted
    or engagement.unique_commenters > engagement.comments_published
    or (engagement.unique_commenters = 0) <> (engagement.comments_published = 0)
    or engagement.reactions_net > engagement.reactions_added
    or engagement.engagement <> engagement.comments_published + engagement.reactions_added
    or engagement.first_comment_at > engagement.last_comment_at
    or engagement.peak_hour_comments > engagement.comments_published
    or engagement.held_waiting > engagement.held_comments
    or (engagement.max_depth is null) <> (engagement.comments_published = 0)
    or abs(engagement.reply_share * engagement.comments_published - engagement.replies) > 0.001
    or (engagement.final and engagement.state <> 'closed')
