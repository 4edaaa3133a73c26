-- What metrics.article_commenters says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article and day with a published
--   comment. Reads only.
select
    article.article_id,
    author.day,
    article.site,
    article.section,
    author.people
from (
    select
        active.article_no,
        active.day,
        -- People are numbered in the order of their ids.
        array_agg(person.user_id order by active.person_no) as people
    from computing_people_days as active
    inner join computing_people as person on person.person_no = active.person_no
    group by active.article_no, active.day
) as author
inner join computing_articles as article on article.article_no = author.article_no
