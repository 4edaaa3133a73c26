-- Purpose: mark the days on which other people commented under an article of a bucket than before,
--   though perhaps as many. Days with other figures are marked with the rows of article_daily.
-- Parameters: articles; article_commenters and article_daily are computed, and article_commenters
--   is still as it was. Grain: one row per site, section and day.
-- Safe to re-run: what is marked twice is computed once.
with changed as (
    select
        found.article_id,
        found.days as days_found,
        found.digests as digests_found,
        kept.days as days_kept,
        kept.digests as digests_kept
    from computed_article_commenters as found
    inner join (
        select before.article_id, before.days, before.digests
        from metrics.article_commenters as before
        where before.article_id = any(%(articles)s)
    ) as kept on kept.article_id = found.article_id
    where (found.days, found.digests) is distinct from (kept.days, kept.digests)
)

insert into ingest.dirty_days (site, section, day)
select distinct daily.site, daily.section, daily.day
from (
    select
        changed.article_id,
        unnest(changed.days_found) as day,
        unnest(changed.digests_found) as digest
    from changed
) as found
inner join (
    select
        changed.article_id,
        unnest(changed.days_kept) as day,
        unnest(changed.digests_kept) as digest
    from changed
) as kept
    on kept.article_id = found.article_id and kept.day = found.day and kept.digest != found.digest
inner join computed_article_daily as daily
    on daily.article_id = found.article_id and daily.day = found.day
where daily.site is not null
