-- Purpose: the rows of discussion.reactions for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per reaction of a user to a comment, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select row_to_json(kept) as line
from (
    select
        stored.article_id, stored.comment_id, stored.user_id, stored.reaction, stored.is_on,
        encode(stored.state_version, 'hex') as state_version, stored.first_added_at
    from discussion.reactions as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by stored.article_id, stored.comment_id, stored.user_id, stored.reaction
) as kept
