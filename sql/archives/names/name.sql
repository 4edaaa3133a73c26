-- The id of an article in events, and whether another article of the export stands for it.
-- Parameters: article_id.
-- Grain: one row, or none for an article that keeps its id. Reads only.
select name.event_id, name.is_joined
from names as name
where name.article_id = :article_id
