-- Purpose: delete rows of the history of discussions that were superseded before a time. Of each
--   article and rule the last superseded one stays: closing goes by whether another rule has held
--   (closing/state_changes.sql). What was announced is in discussion.told_events.
-- Parameters: before, chunk_rows. Result: one row, how many were deleted.
-- Grain: one row of the table. Re-run: safe; it deletes the next ones, and none at last.
with due as materialized (
    select old.change_id
    from discussion.state_changes as old
    where old.superseded_at < %(before)s
        and (
            old.rule_id is null
            or exists (
                select from discussion.state_changes as later
                where later.article_id = old.article_id
                    and later.superseded_at is not null
                    and later.rule_id = old.rule_id
                    and later.change_id > old.change_id
            )
        )
    limit %(chunk_rows)s
),

deleted as (
    delete from discussion.state_changes as old
    using due
    where old.change_id = due.change_id
    returning 1
)

select count(*) as deleted
from deleted
