-- Purpose: merge the staged rows into discussion.reactions; mark the changed articles.
-- Join: of each register stays what has the greatest state_version, least first_added_at.
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    insert into discussion.reactions as present (
        article_id, comment_id, user_id, reaction, is_on, state_version, first_added_at
    )
    select
        article_id, comment_id, user_id, reaction, is_on, state_version, first_added_at
    from staged_reactions
    on conflict (article_id, comment_id, user_id, reaction) do update set
        is_on = case
            when ingest.supersedes(excluded.state_version, present.state_version)
            then excluded.is_on else present.is_on end,
        state_version = case
            when ingest.supersedes(excluded.state_version, present.state_version)
            then excluded.state_version else present.state_version end,
        first_added_at = case
            when ingest.precedes(excluded.first_added_at, present.first_added_at)
            then excluded.first_added_at else present.first_added_at end
    where
        ingest.supersedes(excluded.state_version, present.state_version)
        or ingest.precedes(excluded.first_added_at, present.first_added_at)
    returning present.article_id, present.comment_id, present.user_id, present.reaction
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
),

marked_discussions as (
    insert into ingest.dirty_discussions (article_id, what)
    select distinct article_id, 'reactions' from changed
)

select staged.row_number
from staged_reactions as staged
where
    (select count(*) from changed) < (select count(*) from staged_reactions)
    and not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.comment_id = staged.comment_id
            and changed.user_id = staged.user_id
            and changed.reaction = staged.reaction
    );
