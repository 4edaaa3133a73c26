-- Purpose: superseded rows of the history of discussions that delete.sql would delete.
-- Parameters: before. Grain: one row: due_rows, their bytes with their share of the indexes, and
--   the time of the oldest one that stays. Re-run: safe; it only reads.
select
    count(*) filter (where old.superseded_at < %(before)s and not old.is_last) as due_rows,
    round(
        pg_total_relation_size('discussion.state_changes')::numeric
        * (count(*) filter (where old.superseded_at < %(before)s and not old.is_last))
        / greatest((select count(*) from discussion.state_changes), 1)
    )::bigint as due_bytes,
    min(old.superseded_at) filter (where old.superseded_at >= %(before)s) as oldest_kept
from (
    select
        state_change.superseded_at,
        state_change.rule_id is not null and not exists (
            select from discussion.state_changes as later
            where later.article_id = state_change.article_id
                and later.superseded_at is not null
                and later.rule_id = state_change.rule_id
                and later.change_id > state_change.change_id
        ) as is_last
    from discussion.state_changes as state_change
    where state_change.superseded_at is not null
) as old
