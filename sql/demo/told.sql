-- Purpose: what the site was told about its discussions, by type of event, for a person to read. Not sent is what took effect so
--   long ago that nobody would act on it.
-- Grain: one row per type of event.
-- Re-run: reads only.
select
    told.event_type as event,
    count(*) filter (where not told.suppressed) as told,
    count(*) filter (where told.suppressed) as too_old_to_be_sent,
    max(told.effective_at) as latest
from discussion.told_events as told
group by told.event_type
order by told.event_type;
