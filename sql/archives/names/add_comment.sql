-- Notes a comment of an article that shares its id in events, if none of its id is there.
-- Parameters: event_id (the article's id in events), comment_id, article_id (in the export).
-- Safe to re-run: what is there stays.
insert or ignore into shared_comments (event_id, comment_id, article_id)
values (:event_id, :comment_id, :article_id)
