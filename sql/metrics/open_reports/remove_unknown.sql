-- Removes rows of articles that no event names any more (an erased or reset database). Parameters: none.
-- Safe to re-run: a function of the rows.
delete from metrics.open_reports as kept
where not exists (
    select from discussion.known_articles as known
    where known.article_id = kept.article_id
)
