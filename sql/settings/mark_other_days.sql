-- Marks the days of sections and sites that are cut by another time zone than the site's.
-- Parameters: time_zone. Grain: one row per site, section and day.
-- Safe to re-run: a day that is marked twice is computed once.
insert into ingest.dirty_days (site, section, day)
select section_day.site, section_day.section, section_day.day
from metrics.section_daily as section_day
where section_day.time_zone != %(time_zone)s
union
select site_day.site, null, site_day.day
from metrics.site_daily as site_day
where site_day.time_zone != %(time_zone)s
