-- Makes the table of the articles that get another id, or share the one that they have. Of several
-- articles at one address the one with the shortest address is kept, of these the first in the
-- export; the others are joined to it.
-- Parameters: join_addresses (1: articles at one address become one, also without the site's id).
-- Safe to re-run: it is run once, on a new temporary file.
create table names as
with kept as (
    select
        article.article_id,
        article.address,
        first_value(article.article_id) over (
            partition by article.address
            order by article.url_length, article.number
        ) as kept_article_id
    from export_articles as article
    where article.address is not null
),

named as (
    select
        kept.article_id,
        coalesce(site_article.article_id, kept.kept_article_id) as event_id,
        kept.article_id != kept.kept_article_id as is_joined
    from kept
    left join site_articles as site_article on site_article.address = kept.address
    where site_article.article_id is not null or :join_addresses
),

counted as (
    select
        named.article_id,
        named.event_id,
        named.is_joined,
        count(*) over (partition by named.event_id) > 1 as is_shared
    from named
)

select
    counted.article_id,
    counted.event_id,
    counted.is_joined,
    counted.is_shared
from counted
where counted.event_id != counted.article_id or counted.is_shared
