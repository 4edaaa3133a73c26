-- Articles whose addresses differ only in what does not tell articles apart (btl/archives/
-- addresses.py).
-- Parameters: none.
-- Grain: one row per address: the number of its articles, and two of them. Reads only.
with distinct_article as (
    select article.address, article.article_id, min(article.rowid) as article_row
    from articles as article
    where article.address is not null
    group by article.address, article.article_id
),

shared as (
    select
        distinct_article.address,
        count(*) as articles,
        min(distinct_article.article_row) as first_row,
        max(distinct_article.article_row) as last_row
    from distinct_article
    group by distinct_article.address
    having count(*) > 1
)

select
    shared.articles,
    one.article_id,
    one.url,
    other.article_id as other_article_id,
    other.url as other_url,
    other.file,
    other.within
from shared
inner join articles as one on one.rowid = shared.first_row
inner join articles as other on other.rowid = shared.last_row
order by shared.first_row
