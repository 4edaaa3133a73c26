-- Purpose: the rows of discussion.article_versions for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per article event, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select row_to_json(kept) as line
from (
    select
        stored.article_id, stored.source, stored.event_id, encode(stored.digest, 'hex') as digest,
        stored.occurred_at, encode(stored.version, 'hex') as version, stored.event_type, stored.url,
        stored.headline, stored.site, stored.section, stored.topics, stored.bylines,
        stored.language, stored.updated_at, stored.discussion_enabled, stored.discussion_closes_at,
        stored.discussion_window_hours, stored.published_at, stored.published_at_corrected,
        stored.unpublished_at, stored.unpublished_reason
    from discussion.article_versions as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by stored.article_id, stored.source, stored.event_id, stored.digest
) as kept
