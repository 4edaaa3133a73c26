-- Frozen as of commit cf5a39b, for the floor of `make bench`; README.md says why it never changes.
with changed as (
    insert into discussion.discussion_overrides as present (
        article_id,
        source,
        event_id,
        digest,
        occurred_at,
        version,
        action,
        closes_at,
        reason,
        decided_by,
        decided_at
    )
    select
        article_id,
        source,
        event_id,
        digest,
        occurred_at,
        version,
        action,
        closes_at,
        reason,
        decided_by,
        decided_at
    from staged_discussion_overrides
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
from staged_discussion_overrides as staged
where
    not exists (
        select from changed
        where
            changed.article_id = staged.article_id
            and changed.source = staged.source
            and changed.event_id = staged.event_id
            and changed.digest = staged.digest
    );
