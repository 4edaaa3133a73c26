-- Purpose: the stored rows of one comment and of what was done to it: for `btl explain comment`.
-- Parameters: article_id, comment_id. Grain: one row per row of these tables, with the table's name and all columns as JSON.
-- Re-run: safe; reads only.
select 'comments' as table_name, to_jsonb(kept) as columns
from discussion.comments as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'comment_edits', to_jsonb(kept)
from discussion.comment_edits as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'moderation_decisions', to_jsonb(kept)
from discussion.moderation_decisions as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'reports', to_jsonb(kept)
from discussion.reports as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'report_decisions', to_jsonb(kept)
from discussion.report_decisions as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'reactions', to_jsonb(kept)
from discussion.reactions as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
