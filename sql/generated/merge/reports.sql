-- Purpose: merge the staged rows into discussion.reports; mark the changed articles.
-- Join: of each register stays what has the least reported_version, least withdrawn_version,
--   greatest erased_at.
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    insert into discussion.reports as present (
        article_id, comment_id, report_id, reporter_user_id, reporter_anonymous_id, reason, note,
        law, reported_at, reported_version, withdrawn_at, withdrawn_version, erased_at
    )
    select
        article_id, comment_id, report_id, reporter_user_id, reporter_anonymous_id, reason, note,
        law, reported_at, reported_version, withdrawn_at, withdrawn_version, erased_at
    from staged_reports
    on conflict (article_id, comment_id, report_id) do update set
        reporter_user_id = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.reporter_user_id else present.reporter_user_id end,
        reporter_anonymous_id = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.reporter_anonymous_id else present.reporter_anonymous_id end,
        reason = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.reason else present.reason end,
        note = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.note else present.note end,
        law = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.law else present.law end,
        reported_at = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.reported_at else present.reported_at end,
        reported_version = case
            when ingest.precedes(excluded.reported_version, present.reported_version)
            then excluded.reported_version else present.reported_version end,
        withdrawn_at = case
            when ingest.precedes(excluded.withdrawn_version, present.withdrawn_version)
            then excluded.withdrawn_at else present.withdrawn_at end,
        withdrawn_version = case
            when ingest.precedes(excluded.withdrawn_version, present.withdrawn_version)
            then excluded.withdrawn_version else present.withdrawn_version end,
        erased_at = case
            when ingest.supersedes(excluded.erased_at, present.erased_at)
            then excluded.erased_at else present.erased_at end
    where
        ingest.precedes(excluded.reported_version, present.reported_version)
        or ingest.precedes(excluded.withdrawn_version, present.withdrawn_version)
        or ingest.supersedes(excluded.erased_at, present.erased_at)
    returning present.article_id, present.comment_id, present.report_id
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
)

select staged.row_number
from staged_reports as staged
where
    (select count(*) from changed) < (select count(*) from staged_reports)
    and not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.comment_id = staged.comment_id
            and changed.report_id = staged.report_id
    );
