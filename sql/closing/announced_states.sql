-- The events announced about the states of the given articles. Parameters: articles. Grain: one row
-- per event that is not about a comment, by article in order of sequence. Reads only.
select
    announced.article_id,
    announced.sequence,
    announced.event_id,
    announced.event_type,
    announced.effective_at
from discussion.told_events as announced
where announced.article_id = any(%(articles)s) and announced.comment_id is null
order by announced.article_id, announced.sequence
