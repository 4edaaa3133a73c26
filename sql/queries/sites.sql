-- Purpose: the sites that have figures. Parameters: none. Grain: one row per site.
-- Re-run: safe; it only reads.
select distinct daily.site
from metrics.site_daily as daily
order by daily.site
