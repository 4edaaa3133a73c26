-- Stages the reactions of a bucket that count. Parameters: articles; computing_articles and computing_comments are staged.
-- Grain: one row per reaction. Safe to re-run: into a temporary table that every commit empties.
insert into computing_reactions (article_id, is_on, first_added_at)
select reaction.article_id, reaction.is_on, reaction.first_added_at
from discussion.reactions as reaction
inner join computing_comments as comment
    on comment.article_id = reaction.article_id and comment.comment_id = reaction.comment_id
inner join computing_articles as article on article.article_id = reaction.article_id
where reaction.article_id = any(%(articles)s)
    and comment.published
    and reaction.first_added_at is not null
    and (article.reactions_close_at is null or reaction.first_added_at < article.reactions_close_at)
