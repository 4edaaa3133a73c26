-- Where a comment stands in the export.
-- Parameters: comment_row.
-- Grain: one row. Reads only.
select comment.file, comment.within
from comments as comment
where comment.rowid = :comment_row
