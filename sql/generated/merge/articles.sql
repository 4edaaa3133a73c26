-- Purpose: merge the staged rows into discussion.articles; mark the changed articles.
-- Join: of each register stays what has the greatest content_version, greatest status_version.
-- Result: row_number of each staged row that changed nothing.
-- Grain: one row per key. Rows are locked in key order, the order of staging.
-- Re-run: safe; a second merge of the same rows changes nothing, whatever the order of batches.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
with changed as (
    insert into discussion.articles as present (
        article_id, url, headline, site, section, topics, bylines, language, updated_at,
        discussion_enabled, discussion_closes_at, discussion_window_hours, content_version, status,
        status_changed_at, status_version
    )
    select
        article_id, url, headline, site, section, topics, bylines, language, updated_at,
        discussion_enabled, discussion_closes_at, discussion_window_hours, content_version, status,
        status_changed_at, status_version
    from staged_articles
    on conflict (article_id) do update set
        url = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.url else present.url end,
        headline = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.headline else present.headline end,
        site = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.site else present.site end,
        section = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.section else present.section end,
        topics = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.topics else present.topics end,
        bylines = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.bylines else present.bylines end,
        language = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.language else present.language end,
        updated_at = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.updated_at else present.updated_at end,
        discussion_enabled = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.discussion_enabled else present.discussion_enabled end,
        discussion_closes_at = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.discussion_closes_at else present.discussion_closes_at end,
        discussion_window_hours = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.discussion_window_hours else present.discussion_window_hours end,
        content_version = case
            when ingest.supersedes(excluded.content_version, present.content_version)
            then excluded.content_version else present.content_version end,
        status = case
            when ingest.supersedes(excluded.status_version, present.status_version)
            then excluded.status else present.status end,
        status_changed_at = case
            when ingest.supersedes(excluded.status_version, present.status_version)
            then excluded.status_changed_at else present.status_changed_at end,
        status_version = case
            when ingest.supersedes(excluded.status_version, present.status_version)
            then excluded.status_version else present.status_version end
    where
        ingest.supersedes(excluded.content_version, present.content_version)
        or ingest.supersedes(excluded.status_version, present.status_version)
    returning present.article_id
),

marked as (
    insert into ingest.dirty_articles (article_id)
    select distinct article_id from changed
)

select staged.row_number
from staged_articles as staged
where
    (select count(*) from changed) < (select count(*) from staged_articles)
    and not exists (
        select from changed
        where
            changed.article_id = staged.article_id
    );
