-- Makes the index by which the parents that are absent are found.
-- Parameters: none.
-- Safe to re-run: only on a new file of facts.
create index absent_parents_by_id on absent_parents (parent_comment_id)
