-- Marks every section's rows of some days, and the sites', that there are or should be.
-- Parameters: first_day, last_day. Grain: one row per site, section and day. Safe to re-run: what
--   is marked twice is computed once.
insert into ingest.dirty_days (site, section, day)
select daily.site, daily.section, daily.day
from metrics.article_daily as daily
where daily.site is not null and daily.day between %(first_day)s::date and %(last_day)s::date
union
select section_day.site, section_day.section, section_day.day
from metrics.section_daily as section_day
where section_day.day between %(first_day)s::date and %(last_day)s::date
union
select site_day.site, null, site_day.day
from metrics.site_daily as site_day
where site_day.day between %(first_day)s::date and %(last_day)s::date
union
select counted.site, counted.section, counted.day
from metrics.daily_commenters as counted
where counted.day between %(first_day)s::date and %(last_day)s::date
