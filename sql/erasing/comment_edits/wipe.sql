-- Purpose: take the text out of edits, key their digests, and mark their articles. If a replay has
--   brought the wiped edit already, the one with the text goes.
-- Parameters: article_ids, sources, event_ids, digests, keyed_digests, versions (arrays of equal
--   length; versions have the keyed digests). Grain: one row per edit. Re-run: safe; they are not
--   found by their old keys again.
with asked as (
    select each.*, present.digest is not null as is_there
    from unnest(
        %(article_ids)s::text[],
        %(sources)s::text[],
        %(event_ids)s::text[],
        %(digests)s::bytea[],
        %(keyed_digests)s::bytea[],
        %(versions)s::bytea[]
    ) as each (article_id, source, event_id, digest, keyed_digest, version)
    left join discussion.comment_edits as present
        on present.article_id = each.article_id
            and present.source = each.source
            and present.event_id = each.event_id
            and present.digest = each.keyed_digest
),

removed as (
    delete from discussion.comment_edits as edit
    using asked
    where asked.is_there
        and edit.article_id = asked.article_id
        and edit.source = asked.source
        and edit.event_id = asked.event_id
        and edit.digest = asked.digest
),

wiped as (
    update discussion.comment_edits as edit
    set
        body = '',
        digest = asked.keyed_digest,
        version = asked.version
    from asked
    where not asked.is_there
        and edit.article_id = asked.article_id
        and edit.source = asked.source
        and edit.event_id = asked.event_id
        and edit.digest = asked.digest
)

insert into ingest.dirty_articles (article_id)
select distinct asked.article_id from asked
