-- Purpose: merge the staged rows into discussion.comments; mark the changed articles.
-- Join: of each register stays what has the least posted_version, greatest edited_version, least
--   deleted_version, greatest decision_version, greatest erased_at.
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    insert into discussion.comments as present (
        article_id, comment_id, user_id, display_name, role, parent_comment_id, posted_at, held,
        first_body, posted_version, edited_body, edited_at, edited_version, deleted_at,
        deleted_version, decision, decision_reason, decision_automated, decided_by, decided_at,
        decision_version, erased_at
    )
    select
        article_id, comment_id, user_id, display_name, role, parent_comment_id, posted_at, held,
        first_body, posted_version, edited_body, edited_at, edited_version, deleted_at,
        deleted_version, decision, decision_reason, decision_automated, decided_by, decided_at,
        decision_version, erased_at
    from staged_comments
    on conflict (article_id, comment_id) do update set
        user_id = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.user_id else present.user_id end,
        display_name = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.display_name else present.display_name end,
        role = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.role else present.role end,
        parent_comment_id = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.parent_comment_id else present.parent_comment_id end,
        posted_at = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.posted_at else present.posted_at end,
        held = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.held else present.held end,
        first_body = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.first_body else present.first_body end,
        posted_version = case
            when ingest.precedes(excluded.posted_version, present.posted_version)
            then excluded.posted_version else present.posted_version end,
        edited_body = case
            when ingest.supersedes(excluded.edited_version, present.edited_version)
            then excluded.edited_body else present.edited_body end,
        edited_at = case
            when ingest.supersedes(excluded.edited_version, present.edited_version)
            then excluded.edited_at else present.edited_at end,
        edited_version = case
            when ingest.supersedes(excluded.edited_version, present.edited_version)
            then excluded.edited_version else present.edited_version end,
        deleted_at = case
            when ingest.precedes(excluded.deleted_version, present.deleted_version)
            then excluded.deleted_at else present.deleted_at end,
        deleted_version = case
            when ingest.precedes(excluded.deleted_version, present.deleted_version)
            then excluded.deleted_version else present.deleted_version end,
        decision = case
            when ingest.supersedes(excluded.decision_version, present.decision_version)
            then excluded.decision else present.decision end,
        decision_reason = case
            when ingest.supersedes(excluded.decision_version, present.decision_version)
            then excluded.decision_reason else present.decision_reason end,
        decision_automated = case
            when ingest.supersedes(excluded.decision_version, present.decision_version)
            then excluded.decision_automated else present.decision_automated end,
        decided_by = case
            when ingest.supersedes(excluded.decision_version, present.decision_version)
            then excluded.decided_by else present.decided_by end,
        decided_at = case
            when ingest.supersedes(excluded.decision_version, present.decision_version)
            then excluded.decided_at else present.decided_at end,
        decision_version = case
            when ingest.supersedes(excluded.decision_version, present.decision_version)
            then excluded.decision_version else present.decision_version end,
        erased_at = case
            when ingest.supersedes(excluded.erased_at, present.erased_at)
            then excluded.erased_at else present.erased_at end
    where
        ingest.precedes(excluded.posted_version, present.posted_version)
        or ingest.supersedes(excluded.edited_version, present.edited_version)
        or ingest.precedes(excluded.deleted_version, present.deleted_version)
        or ingest.supersedes(excluded.decision_version, present.decision_version)
        or ingest.supersedes(excluded.erased_at, present.erased_at)
    returning present.article_id, present.comment_id
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
),

marked_discussions as (
    insert into ingest.dirty_discussions (article_id, what)
    select distinct article_id, 'comments' from changed
)

select staged.row_number
from staged_comments as staged
where
    (select count(*) from changed) < (select count(*) from staged_comments)
    and not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.comment_id = staged.comment_id
    );
