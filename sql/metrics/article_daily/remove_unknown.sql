-- Removes rows of articles that no event names any more (an erased or reset database), and marks their days. Parameters: none.
-- Safe to re-run: a function of the rows.
with removed as (
    delete from metrics.article_daily as kept
    where not exists (
        select from discussion.known_articles as known
        where known.article_id = kept.article_id
    )
    returning kept.site, kept.section, kept.day
)

insert into ingest.dirty_days (site, section, day)
select distinct removed.site, removed.section, removed.day
from removed
where removed.site is not null
