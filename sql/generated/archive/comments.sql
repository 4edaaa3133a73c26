-- Purpose: the rows of discussion.comments for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per comment, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select row_to_json(kept) as line
from (
    select
        stored.article_id, stored.comment_id, stored.user_id, stored.display_name, stored.role,
        stored.parent_comment_id, stored.posted_at, stored.held, stored.first_body,
        encode(stored.posted_version, 'hex') as posted_version, stored.edited_body,
        stored.edited_at, encode(stored.edited_version, 'hex') as edited_version, stored.deleted_at,
        encode(stored.deleted_version, 'hex') as deleted_version, stored.decision,
        stored.decision_reason, stored.decision_automated, stored.decided_by, stored.decided_at,
        encode(stored.decision_version, 'hex') as decision_version, stored.erased_at
    from discussion.comments as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by stored.article_id, stored.comment_id
) as kept
