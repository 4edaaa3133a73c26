-- The articles that wait for their comments, in the order in which they were read.
-- Parameters: none.
-- Grain: one row per article. Reads only.
select waiting.content
from waiting
where waiting.kind = 'Article'
order by waiting.rowid
