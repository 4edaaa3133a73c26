-- Purpose: the rows of discussion.moderation_decisions for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per decision, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select row_to_json(kept) as line
from (
    select
        stored.article_id, stored.source, stored.event_id, encode(stored.digest, 'hex') as digest,
        stored.occurred_at, encode(stored.version, 'hex') as version, stored.comment_id,
        stored.decision, stored.reason, stored.decided_by, stored.automated, stored.decided_at
    from discussion.moderation_decisions as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by stored.article_id, stored.source, stored.event_id, stored.digest
) as kept
