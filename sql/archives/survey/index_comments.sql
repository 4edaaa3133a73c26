-- Makes the one index that nearly every question needs: the comments of an article together, the
-- postings of one id in order of time.
-- Parameters: none.
-- Safe to re-run: it is run once, when all comments are in the table.
create index comments_by_id on comments (
    article_id, comment_id, posted_at, body_digest, parent_comment_id
)
