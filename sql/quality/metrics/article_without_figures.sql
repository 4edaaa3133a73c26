-- Severity: fail
-- Says: an article that some event names has no figures, and no mark either that has them computed
-- Do: btl metrics rebuild --articles ID computes them; find out which mark was lost
-- Grain: one row per article. Re-run: reads only.
select article.article_id
from discussion.known_articles as article
where not exists (
        select from metrics.article_engagement as kept
        where kept.article_id = article.article_id
    )
    and not exists (
        select from ingest.dirty_articles as mark
        where mark.article_id = article.article_id
    )
