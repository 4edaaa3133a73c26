-- The first and the last time that is known of an article, by its own events and its comments; both
-- null if it is not in the export. The comments need their index (Facts.make_indexes).
-- Parameters: article_id.
-- Grain: one row. Reads only.
select min(known.at) as first_at, max(known.at) as last_at
from (
    select version.occurred_at as at
    from versions as version
    where version.article_id = :article_id
    union all
    select comment.posted_at
    from comments as comment
    where comment.article_id = :article_id
) as known
