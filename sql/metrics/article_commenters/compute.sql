-- What metrics.article_commenters says of the articles of a bucket; see definitions.yaml beside it.
-- Parameters: none; the bucket is staged. Grain: one row per article with a published comment.
--   Reads only.
select
    article.article_id,
    array_agg(per_day.day order by per_day.day) as days,
    array_agg(per_day.digest order by per_day.day) as digests
from (
    select
        active.article_no,
        active.day,
        bit_xor(hashtextextended(person.user_id, 0)) as digest
    from computing_people_days as active
    inner join computing_people as person on person.person_no = active.person_no
    group by active.article_no, active.day
) as per_day
inner join computing_articles as article on article.article_no = per_day.article_no
group by article.article_id
