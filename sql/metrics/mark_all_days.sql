-- Marks every day of every section that has or should have a row in section_daily or site_daily,
-- all parts of its people included.
-- Parameters: none.
-- Grain: one row per site, section and day. Safe to re-run: a day that is marked twice is computed
--   once.
insert into ingest.dirty_days (site, section, day)
select daily.site, daily.section, daily.day
from metrics.article_daily as daily
where daily.site is not null
union
select section_day.site, section_day.section, section_day.day
from metrics.section_daily as section_day
union
select site_day.site, null, site_day.day
from metrics.site_daily as site_day
union
select counted.site, counted.section, counted.day
from metrics.daily_commenters as counted
