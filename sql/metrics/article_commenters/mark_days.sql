-- Purpose: mark the days on which other people commented under an article of a bucket than before,
--   or in another section, with the parts of the people to count again. If there are 10,000 people
--   more or less, as when tables are filled, it marks all parts: to look at each costs more.
-- Parameters: articles; article_commenters is computed, and still as it was. Grain: one row per
--   site, section and day.
-- Safe to re-run: what is marked twice is computed once.
with kept as (
    select before.article_id, before.day, before.site, before.section, before.people
    from metrics.article_commenters as before
    where before.article_id = any(%(articles)s)
),

changed as (
    select found.article_id, found.day, found.site, found.section, found.people, 1 as more
    from computed_article_commenters as found
    where not exists (
        select from kept
        where kept.article_id = found.article_id
            and kept.day = found.day
            and (kept.site, kept.section, kept.people)
            is not distinct from (found.site, found.section, found.people)
    )
    union all
    select kept.article_id, kept.day, kept.site, kept.section, kept.people, -1
    from kept
    where not exists (
        select from computed_article_commenters as found
        where found.article_id = kept.article_id
            and found.day = kept.day
            and (kept.site, kept.section, kept.people)
            is not distinct from (found.site, found.section, found.people)
    )
),

is_large as (
    select abs(sum(changed.more * cardinality(changed.people))) >= 10000 as answer from changed
),

-- Who is there before and after, in the same section, has neither come nor gone.
came_or_went as (
    select author.site, author.section, author.day, author.user_id
    from (
        select
            changed.article_id,
            changed.site,
            changed.section,
            changed.day,
            unnest(changed.people) as user_id
        from changed
        where not (select is_large.answer from is_large)
    ) as author
    group by author.article_id, author.site, author.section, author.day, author.user_id
    having count(*) = 1
)

insert into ingest.dirty_days (site, section, day, parts)
select
    came_or_went.site,
    came_or_went.section,
    came_or_went.day,
    bit_or(set_bit(0::bit(64), metrics.people_part(came_or_went.user_id), 1))
from came_or_went
where came_or_went.site is not null
group by came_or_went.site, came_or_went.section, came_or_went.day
union all
select distinct changed.site, changed.section, changed.day, ~0::bit(64)
from changed
where changed.site is not null and (select is_large.answer from is_large)
