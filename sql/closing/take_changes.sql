-- Takes the marks of changed comments and reactions of the given articles.
-- Parameters: articles. Grain: one row per article and kind, with the time of the last change.
-- Safe to re-run: it runs in the transaction that does the work; a rollback restores the marks.
with taken as (
    delete from ingest.dirty_discussions as mark
    where mark.article_id = any(%(articles)s)
    returning mark.article_id, mark.what, mark.marked_at
)

select taken.article_id, taken.what, max(taken.marked_at) as changed_at
from taken
group by taken.article_id, taken.what
