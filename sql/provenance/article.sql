-- Purpose: the stored rows of one article that its own events made: for `btl explain article`.
-- Parameters: article_id. Grain: one row per row of these tables, with the table's name and all columns as JSON.
-- Re-run: safe; reads only.
select 'articles' as table_name, to_jsonb(kept) as columns
from discussion.articles as kept
where kept.article_id = %(article_id)s
union all
select 'article_versions', to_jsonb(kept)
from discussion.article_versions as kept
where kept.article_id = %(article_id)s
union all
select 'discussion_overrides', to_jsonb(kept)
from discussion.discussion_overrides as kept
where kept.article_id = %(article_id)s
