-- Which versions set the anchor of an article. Parameters: article. Grain: one row per change of
-- the anchor, the last one last. Reads only.
select
    change.version,
    change.anchor,
    change.cause
from discussion.anchor_changes(array[%(article)s]) as change
order by change.version
