-- What was rejected, in the order in which it was read.
-- Parameters: none.
-- Grain: one row per item. Reads only.
select
    rejected.file,
    rejected.within,
    rejected.reason,
    rejected.content
from rejected
order by rejected.rowid
