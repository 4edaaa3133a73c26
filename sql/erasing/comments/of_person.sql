-- Purpose: the comments that a person posted, those whose author has the pseudonym already among
--   them: a run that was killed goes on with their edits.
-- Found by the index comments_by_user: it names parts of the table, which are read.
-- Parameters: people (the id, if it is known, and the pseudonym). Grain: one row per comment, in
--   key order. Re-run: safe; reads only.
select comment.article_id, comment.comment_id
from discussion.comments as comment
where comment.user_id = any(%(people)s)
order by comment.article_id, comment.comment_id
