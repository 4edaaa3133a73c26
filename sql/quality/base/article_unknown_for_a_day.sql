-- Severity: warn
-- Says: comments were posted more than a day ago below an article that no event names
-- Do: see whether its article.published event was lost (btl dead-letters list --topic articles),
--   and have it sent again
-- Grain: one row per article. Re-run: reads only.
select comment.article_id, count(*) as comments, min(comment.posted_at) as first_posted_at
from discussion.comments as comment
where comment.posted_at < now() - interval '1 day'
    and not exists (
        select from discussion.article_versions as version
        where version.article_id = comment.article_id
    )
group by comment.article_id
order by comments desc, comment.article_id
