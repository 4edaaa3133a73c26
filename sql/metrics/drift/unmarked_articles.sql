-- Those of the given articles that are not marked: their rows must be right, others' wait for a
-- run.
-- Parameters: articles. Grain: one row per article. Reads only.
select asked.article_id
from unnest(%(articles)s::text[]) as asked (article_id)
where not exists (
    select from ingest.dirty_articles as mark
    where mark.article_id = asked.article_id collate "C"
)
