-- Purpose: from when to when there are figures, where `btl report` has nothing to report.
-- Parameters: site (null: all). Grain: one row; both null: there are none. Re-run: safe; it only
--   reads.
select
    min(daily.day) as first_day,
    max(daily.day) as last_day
from metrics.site_daily as daily
where %(site)s::text is null or daily.site = %(site)s::text
