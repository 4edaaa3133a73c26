-- Purpose: merge the staged rows into discussion.article_versions; mark the changed articles.
-- Join: an event that is there already is left alone.
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    insert into discussion.article_versions as present (
        article_id, source, event_id, digest, occurred_at, version, event_type, url, headline, site,
        section, topics, bylines, language, updated_at, discussion_enabled, discussion_closes_at,
        discussion_window_hours, published_at, published_at_corrected, unpublished_at,
        unpublished_reason
    )
    select
        article_id, source, event_id, digest, occurred_at, version, event_type, url, headline, site,
        section, topics, bylines, language, updated_at, discussion_enabled, discussion_closes_at,
        discussion_window_hours, published_at, published_at_corrected, unpublished_at,
        unpublished_reason
    from staged_article_versions
    on conflict (article_id, source, event_id, digest) do nothing
    returning present.article_id, present.source, present.event_id, present.digest
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
),

marked_windows as (
    insert into ingest.dirty_windows (article_id)
    select distinct article_id from changed
)

select staged.row_number
from staged_article_versions as staged
where
    (select count(*) from changed) < (select count(*) from staged_article_versions)
    and not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.source = staged.source
            and changed.event_id = staged.event_id
            and changed.digest = staged.digest
    );
