-- Purpose: the stored rows of one comment and of what was done to it, for `btl explain`.
-- Parameters: article_id, comment_id.
-- Grain: one row per row of these tables: the table's name, and all columns as JSON.
-- Re-run: safe; reads only.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select 'comments' as table_name, to_jsonb(kept) as columns
from discussion.comments as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'comment_edits' as table_name, to_jsonb(kept) as columns
from discussion.comment_edits as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'moderation_decisions' as table_name, to_jsonb(kept) as columns
from discussion.moderation_decisions as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'reports' as table_name, to_jsonb(kept) as columns
from discussion.reports as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'report_decisions' as table_name, to_jsonb(kept) as columns
from discussion.report_decisions as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
union all
select 'reactions' as table_name, to_jsonb(kept) as columns
from discussion.reactions as kept
where kept.article_id = %(article_id)s and kept.comment_id = %(comment_id)s
