-- Severity: fail
-- Says: figures leave out comments that are there, or count some that are not, and no mark is there that has them computed
-- Do: btl metrics rebuild --articles ID computes them; find out which mark was lost
-- Grain: one row per article. Re-run: reads only.
select kept.article_id, kept.comments_submitted as counted, coalesce(posted.comments, 0) as posted
from metrics.article_engagement as kept
left join (
    select comment.article_id, count(*) as comments
    from discussion.comments as comment
    where comment.posted_at is not null
    group by comment.article_id
) as posted on posted.article_id = kept.article_id
where kept.comments_submitted <> coalesce(posted.comments, 0)
    and not exists (select from ingest.dirty_articles as mark where mark.article_id = kept.article_id)
