-- The number of the last event told about each of the given articles. Parameters: articles. Grain: one row per article that
-- anything was told about. Reads only.
select asked.article_id, latest.sequence
from unnest(%(articles)s::text[]) as asked (article_id)
cross join lateral (
    select max(told.sequence) as sequence
    from discussion.told_events as told
    where told.article_id = asked.article_id
) as latest
where latest.sequence is not null
