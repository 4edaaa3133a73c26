-- Purpose: what was announced to the site about its discussions, by type of event, for a person to
--   read. Events that took effect too long ago for anybody to act on them are not sent.
-- Grain: one row per type of event.
-- Re-run: reads only.
select
    announced.event_type as event,
    count(*) filter (where not announced.suppressed) as announced,
    count(*) filter (where announced.suppressed) as too_old_to_be_sent,
    max(announced.effective_at) as latest
from discussion.told_events as announced
group by announced.event_type
order by announced.event_type;
