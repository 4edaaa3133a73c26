-- Purpose: the rows of discussion.reports for an archive, as JSON.
-- Parameters: site: only rows of its articles; null: all rows.
-- Grain: one object per report, in key order.
-- Bytes are in hexadecimal digits.
-- Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select row_to_json(kept) as line
from (
    select
        stored.article_id, stored.comment_id, stored.report_id, stored.reporter_user_id,
        stored.reporter_anonymous_id, stored.reason, stored.note, stored.law, stored.reported_at,
        encode(stored.reported_version, 'hex') as reported_version, stored.withdrawn_at,
        encode(stored.withdrawn_version, 'hex') as withdrawn_version, stored.erased_at
    from discussion.reports as stored
    where
        %(site)s::text is null
        or stored.article_id in (
            select article.article_id
            from discussion.articles as article
            where article.site = %(site)s
        )
    order by stored.article_id, stored.comment_id, stored.report_id
) as kept
