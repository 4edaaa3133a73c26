-- Metric tables by reason, hour and day, of sections, sites and reporters; the backlog of moderation; views for moderators and editors.
create or replace function discussion.severity(in_reason text) returns integer
language sql immutable
as $$
    select case
        when in_reason in ('threat_violence', 'illegal_content', 'sexual_content', 'privacy') then 3
        when in_reason in ('hate_speech', 'harassment', 'personal_abuse', 'defamation') then 2
        else 1
    end
$$;

comment on function discussion.severity is 'How grave a reason for reporting is: 1 to 3.';

grant execute on function discussion.severity to btl_scheduler;
