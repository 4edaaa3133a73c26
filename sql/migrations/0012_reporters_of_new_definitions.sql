-- Reporters wait for their new figures as articles do, so that a check for drift leaves them out.
insert into ingest.dirty_reporters (user_id)
select reporter.user_id
from metrics.reporter_accuracy as reporter;
