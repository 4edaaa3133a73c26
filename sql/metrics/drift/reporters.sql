-- Reporters whose rows must be right: not marked. Parameters: articles (those who reported there;
-- null: all reporters).
-- Grain: one row per reporter. Reads only.
select known.user_id
from (
    select reporter.user_id
    from metrics.article_reporters as reporter
    where %(articles)s::text[] is null or reporter.article_id = any(%(articles)s::text[])
    union
    select accuracy.user_id
    from metrics.reporter_accuracy as accuracy
    where %(articles)s::text[] is null
) as known
where not exists (
    select from ingest.dirty_reporters as mark
    where mark.user_id = known.user_id
)
order by known.user_id
