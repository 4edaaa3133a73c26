-- Purpose: the rows of discussion.articles for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per article, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select row_to_json(kept) as line
from (
    select
        stored.article_id, stored.url, stored.headline, stored.site, stored.section, stored.topics,
        stored.bylines, stored.language, stored.updated_at, stored.discussion_enabled,
        stored.discussion_closes_at, stored.discussion_window_hours,
        encode(stored.content_version, 'hex') as content_version, stored.status,
        stored.status_changed_at, encode(stored.status_version, 'hex') as status_version
    from discussion.articles as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by stored.article_id
) as kept
