-- Purpose: the stored rows of one article, for `btl explain`.
-- Parameters: article_id, max_rows (of each table, the latest).
-- Grain: one row per row of these tables: the table's name, all columns as JSON, and how many rows
--   the table has of it in all.
-- Re-run: safe; reads only.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select 'articles' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.articles as stored
    where stored.article_id = %(article_id)s
    order by stored.content_version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'article_versions' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.article_versions as stored
    where stored.article_id = %(article_id)s
    order by stored.version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'discussion_overrides' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.discussion_overrides as stored
    where stored.article_id = %(article_id)s
    order by stored.version desc nulls last
    limit %(max_rows)s
) as kept
