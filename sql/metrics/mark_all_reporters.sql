-- Marks every reporter who has or should have a row in reporter_accuracy. Parameters: none. Grain:
-- one row per reporter.
-- Safe to re-run: a reporter who is marked twice is computed once.
insert into ingest.dirty_reporters (user_id)
select reporter.user_id
from metrics.article_reporters as reporter
union
select known.user_id
from metrics.reporter_accuracy as known
