-- Purpose: merge the staged rows into discussion.report_decisions; mark the changed articles.
-- Join: an event that is there already is left alone.
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    insert into discussion.report_decisions as present (
        article_id, source, event_id, digest, occurred_at, version, comment_id, report_id, decision,
        decided_by, decided_at, explanation
    )
    select
        article_id, source, event_id, digest, occurred_at, version, comment_id, report_id, decision,
        decided_by, decided_at, explanation
    from staged_report_decisions
    on conflict (article_id, source, event_id, digest) do nothing
    returning present.article_id, present.source, present.event_id, present.digest
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
)

select staged.row_number
from staged_report_decisions as staged
where
    (select count(*) from changed) < (select count(*) from staged_report_decisions)
    and not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.source = staged.source
            and changed.event_id = staged.event_id
            and changed.digest = staged.digest
    );
