-- Purpose: mark the days and the reporters of a computed bucket, changed or not, so that a rebuild
--   corrects them, too.
-- Parameters: none; the bucket is computed. Grain: one row per site, section and day, and per
--   reporter.
-- Safe to re-run: what is marked twice is computed once.
with marked_days as (
    insert into ingest.dirty_days (site, section, day)
    select distinct daily.site, daily.section, daily.day
    from computed_article_daily as daily
    where daily.site is not null
)

insert into ingest.dirty_reporters (user_id)
select distinct reporter.user_id
from computed_article_reporters as reporter
