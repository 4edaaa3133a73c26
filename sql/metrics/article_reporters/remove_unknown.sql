-- Removes rows of articles that no event names any more (an erased or reset database), and marks their reporters.
-- Parameters: none. Safe to re-run: a function of the rows.
with removed as (
    delete from metrics.article_reporters as kept
    where not exists (
        select from discussion.known_articles as known
        where known.article_id = kept.article_id
    )
    returning kept.user_id
)

insert into ingest.dirty_reporters (user_id)
select distinct removed.user_id from removed
