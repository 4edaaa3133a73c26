-- Reporters, and whether they are marked: their rows wait for a run. Parameters: articles (those
-- who reported there; null: all reporters).
-- Grain: one row per reporter. Reads only.
select known.user_id, mark.user_id is not null as is_marked
from (
    select reporter.user_id
    from metrics.article_reporters as reporter
    where %(articles)s::text[] is null or reporter.article_id = any(%(articles)s::text[])
    union
    select accuracy.user_id
    from metrics.reporter_accuracy as accuracy
    where %(articles)s::text[] is null
) as known
left join (select distinct marked.user_id from ingest.dirty_reporters as marked) as mark
    on mark.user_id = known.user_id
order by known.user_id
