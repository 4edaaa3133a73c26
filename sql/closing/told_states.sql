-- What was told about the states of the given articles. Parameters: articles. Grain: one row per event told that is not about
-- a comment, by article in order of sequence. Reads only.
select told.article_id, told.sequence, told.event_id, told.event_type, told.effective_at
from discussion.told_events as told
where told.article_id = any(%(articles)s) and told.comment_id is null
order by told.article_id, told.sequence
