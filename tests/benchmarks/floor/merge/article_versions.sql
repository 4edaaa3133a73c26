-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
with changed as (
    insert into discussion.article_versions as present (
        article_id,
        source,
        event_id,
        digest,
        occurred_at,
        version,
        event_type,
        url,
        headline,
        site,
        section,
        topics,
        bylines,
        language,
        updated_at,
        discussion_enabled,
        discussion_closes_at,
        discussion_window_hours,
        published_at,
        unpublished_at,
        unpublished_reason
    )
    select
        article_id,
        source,
        event_id,
        digest,
        occurred_at,
        version,
        event_type,
        url,
        headline,
        site,
        section,
        topics,
        bylines,
        language,
        updated_at,
        discussion_enabled,
        discussion_closes_at,
        discussion_window_hours,
        published_at,
        unpublished_at,
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
    not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.source = staged.source
            and changed.event_id = staged.event_id
            and changed.digest = staged.digest
    );
