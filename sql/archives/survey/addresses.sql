-- Articles of the export with their addresses, as events will have them.
-- Parameters: none.
-- Grain: one row per article that has an address, of its first row in the export, in that order.
-- Reads only.
select
    article.article_id,
    article.url,
    article.site,
    article.address,
    article.file,
    article.within
from (
    select
        every_row.article_id,
        every_row.url,
        coalesce(every_row.site, 'default') as site,
        every_row.address,
        every_row.file,
        every_row.within,
        every_row.rowid as number,
        row_number() over (
            partition by every_row.article_id
            order by every_row.rowid
        ) as nth
    from articles as every_row
    where every_row.url is not null
) as article
where article.nth = 1
order by article.number
