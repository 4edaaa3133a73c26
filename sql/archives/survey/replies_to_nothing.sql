-- Replies whose parent is nowhere in the export.
-- Parameters: none.
-- Grain: one row per reply. Reads only.
select
    reply.article_id,
    reply.comment_id,
    reply.parent_comment_id,
    reply.file,
    reply.within
from absent_parents as absent
inner join comments as reply on reply.rowid = absent.comment_row
where absent.comment_row not in (
    select foreign_parent.comment_row from foreign_parents as foreign_parent
)
order by absent.comment_row
