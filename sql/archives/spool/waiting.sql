-- What waits, of one kind, in the order in which it was read.
-- Parameters: kind (Draft or Article).
-- Grain: one row per event or article. Reads only.
select waiting.content
from waiting
where waiting.kind = :kind
order by waiting.rowid
