-- Articles that the export has more than once.
-- Parameters: none.
-- Grain: one row per article: how often it comes, and the second place. Reads only.
with numbered as (
    select
        article.article_id,
        article.file,
        article.within,
        row_number() over (partition by article.article_id order by article.rowid) as number,
        count(*) over (partition by article.article_id) as times
    from articles as article
)

select numbered.article_id, numbered.times, numbered.file, numbered.within
from numbered
where numbered.number = 2
order by numbered.article_id
