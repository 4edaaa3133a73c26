-- Purpose: the articles below which a comment of this id is known, if only from reports or reactions.
-- Reads whole tables, because keys lead with the article: name the article instead.
-- Parameters: comment_id. Grain: one row per article. Re-run: safe; reads only.
select comment.article_id
from discussion.comments as comment
where comment.comment_id = %(comment_id)s
union
select report.article_id
from discussion.reports as report
where report.comment_id = %(comment_id)s
union
select decision.article_id
from discussion.report_decisions as decision
where decision.comment_id = %(comment_id)s
union
select reaction.article_id
from discussion.reactions as reaction
where reaction.comment_id = %(comment_id)s
order by article_id
