-- What metrics.daily_commenters says of the given days; see definitions.yaml beside it. Counts the
-- parts of the people that are to be counted again, and keeps the figures of the others.
-- Parameters: sites, sections, days, parts (arrays of equal length). Grain: one row per site,
--   section and day on which anybody commented, and one for the whole site. Reads only.
with marked as (
    select each.site, each.section, each.day, each.parts
    from unnest(
        %(sites)s::text[], %(sections)s::text[], %(days)s::date[], %(parts)s::bit(64)[]
    ) as each (site, section, day, parts)
),

site_day as (
    select marked.site, marked.day, bit_or(marked.parts) as parts
    from marked
    group by marked.site, marked.day
),

touched as (
    select distinct marked.site, marked.section, marked.day, false as whole_site, site_day.parts
    from marked
    inner join site_day on site_day.site = marked.site and site_day.day = marked.day
    union all
    select site_day.site, null, site_day.day, true, site_day.parts
    from site_day
),

-- Day by day: the people of one day fit into the processor's cache.
counted as (
    select
        site_day.site,
        found.section,
        site_day.day,
        found.whole_site,
        found.people
    from site_day
    cross join lateral (
        with author as materialized (
            select
                each.section,
                each.user_id,
                metrics.people_part(each.user_id) as part
            from (
                select commenters.section, unnest(commenters.people) as user_id
                from metrics.article_commenters as commenters
                where commenters.site = site_day.site and commenters.day = site_day.day
            ) as each
            where site_day.parts = ~0::bit(64)
                or get_bit(site_day.parts, metrics.people_part(each.user_id)) = 1
            group by each.section, each.user_id
        ),

        -- With a row of nobody for each part, so that every array has 64.
        person as (
            select author.section, false as whole_site, author.part, 1 as people
            from author
            union all
            select null, true, of_site.part, 1
            from (select distinct author.user_id, author.part from author) as of_site
            union all
            select place.section, place.whole_site, part.number, 0
            from (
                select distinct author.section, false as whole_site from author
                union all
                select null, true
            ) as place
            cross join generate_series(0, 63) as part (number)
        )

        select
            of_part.section,
            of_part.whole_site,
            array_agg(of_part.people order by of_part.part) as people
        from (
            select person.section, person.whole_site, person.part, sum(person.people) as people
            from person
            group by person.section, person.whole_site, person.part
        ) as of_part
        group by of_part.section, of_part.whole_site
    ) as found
    where site_day.parts != 0::bit(64)
)

select merged.site, merged.section, merged.day, merged.whole_site, merged.people
from (
    select
        touched.site,
        touched.section,
        touched.day,
        touched.whole_site,
        array(
            select
                coalesce(
                    case
                        when get_bit(touched.parts, part.number) = 1
                            then counted.people[part.number + 1]
                        else kept.people[part.number + 1]
                    end,
                    0
                )::integer
            from generate_series(0, 63) as part (number)
            order by part.number
        ) as people
    from touched
    left join counted
        on counted.site = touched.site
        and coalesce(counted.section, '') = coalesce(touched.section, '')
        and counted.day = touched.day
        and counted.whole_site = touched.whole_site
    left join (
        select before.site, before.section, before.day, before.whole_site, before.people
        from metrics.daily_commenters as before
        where before.day = any(%(days)s::date[])
    ) as kept
        on kept.site = touched.site
        and coalesce(kept.section, '') = coalesce(touched.section, '')
        and kept.day = touched.day
        and kept.whole_site = touched.whole_site
) as merged
where 0 < any(merged.people)
