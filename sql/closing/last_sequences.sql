-- The number of the last event announced about each of the given articles. Parameters: articles.
-- Grain: one row per article about which anything was announced. Reads only.
select given.article_id, latest.sequence
from unnest(%(articles)s::text[]) as given (article_id)
cross join lateral (
    select max(announced.sequence) as sequence
    from discussion.told_events as announced
    where announced.article_id = given.article_id
) as latest
where latest.sequence is not null
