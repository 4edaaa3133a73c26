-- The id of an article in events, whether another article of the export stands for it, and whether
-- another one has the same id in events.
-- Parameters: article_id.
-- Grain: one row, or none for an article that keeps its id for itself. Reads only.
select
    name.event_id,
    name.is_joined,
    name.is_shared
from names as name
where name.article_id = :article_id
