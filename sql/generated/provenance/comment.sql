-- Purpose: the stored rows of one comment and of what was done to it, for `btl explain`.
-- Parameters: article_id, comment_id, max_rows (of each table, the latest).
-- Grain: one row per row of these tables: the table's name, all columns as JSON, and how many rows
--   the table has of it in all.
-- Re-run: safe; reads only.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select 'comments' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.comments as stored
    where stored.article_id = %(article_id)s and stored.comment_id = %(comment_id)s
    order by stored.posted_version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'comment_edits' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.comment_edits as stored
    where stored.article_id = %(article_id)s and stored.comment_id = %(comment_id)s
    order by stored.version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'moderation_decisions' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.moderation_decisions as stored
    where stored.article_id = %(article_id)s and stored.comment_id = %(comment_id)s
    order by stored.version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'reports' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.reports as stored
    where stored.article_id = %(article_id)s and stored.comment_id = %(comment_id)s
    order by stored.reported_version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'report_decisions' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.report_decisions as stored
    where stored.article_id = %(article_id)s and stored.comment_id = %(comment_id)s
    order by stored.version desc nulls last
    limit %(max_rows)s
) as kept
union all
select 'reactions' as table_name, to_jsonb(kept) - 'total' as columns, kept.total
from (
    select stored.*, count(*) over () as total
    from discussion.reactions as stored
    where stored.article_id = %(article_id)s and stored.comment_id = %(comment_id)s
    order by stored.state_version desc nulls last
    limit %(max_rows)s
) as kept
