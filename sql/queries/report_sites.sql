-- Purpose: what happened on each site in some days, for `btl report`.
-- Parameters: first_day, last_day (included), days (how many of them have begun), site (null: all).
-- Grain: one row per site with any figure. commenters_a_day: distinct commenters, averaged over the
--   days that have begun; people who come back cannot be counted once across days.
-- Re-run: safe; it only reads.
select
    daily.site,
    min(daily.time_zone) as time_zone,
    sum(daily.comments)::bigint as comments,
    sum(daily.replies)::bigint as replies,
    sum(daily.unique_commenters)::double precision
    / %(days)s::integer as commenters_a_day,
    sum(daily.reactions)::bigint as reactions,
    sum(daily.reports)::bigint as reports,
    sum(daily.rejected)::bigint as rejected,
    sum(daily.late)::bigint as late
from metrics.site_daily as daily
where daily.day between %(first_day)s and %(last_day)s
    and (%(site)s::text is null or daily.site = %(site)s::text)
group by daily.site
order by daily.site
