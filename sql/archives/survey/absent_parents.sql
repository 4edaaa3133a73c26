-- Makes the table of replies whose parent is not in their article.
-- Parameters: none.
-- Safe to re-run: only on a new file of facts.
create table absent_parents (parent_comment_id text, comment_row integer)
