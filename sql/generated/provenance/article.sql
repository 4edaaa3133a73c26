-- Purpose: the stored rows of one article, for `btl explain`.
-- Parameters: article_id.
-- Grain: one row per row of these tables: the table's name, and all columns as JSON.
-- Re-run: safe; reads only.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select 'articles' as table_name, to_jsonb(kept) as columns
from discussion.articles as kept
where kept.article_id = %(article_id)s
union all
select 'article_versions' as table_name, to_jsonb(kept) as columns
from discussion.article_versions as kept
where kept.article_id = %(article_id)s
union all
select 'discussion_overrides' as table_name, to_jsonb(kept) as columns
from discussion.discussion_overrides as kept
where kept.article_id = %(article_id)s
