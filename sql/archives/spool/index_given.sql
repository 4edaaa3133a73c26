-- Makes the index by which the numbers of reactions and reports of a comment are found.
-- Parameters: none.
-- Safe to re-run: it is run once, on a temporary file.
create index given_by_comment on given (article_id, comment_id, kind)
