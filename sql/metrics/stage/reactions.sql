-- Purpose: the reactions of a bucket that count: on published comments, first added inside the
--   reaction window. Staged as computing_reactions.
-- Parameters: articles; computing_articles and computing_comments are staged. Grain: one row per
--   reaction. Re-run: reads only.
select article.article_no, reaction.is_on, reaction.first_added_at
from discussion.reactions as reaction
inner join computing_articles as article on article.article_id = reaction.article_id
inner join computing_comments as comment
    on comment.article_no = article.article_no and comment.comment_id = reaction.comment_id
where reaction.article_id = any(%(articles)s)
    and comment.published
    and reaction.first_added_at is not null
    and (article.reactions_close_at is null or reaction.first_added_at < article.reactions_close_at)
