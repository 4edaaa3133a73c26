-- The weight of a reason in the backlog of moderation (sql/metrics/open_reports).
create or replace function discussion.severity(in_reason text) returns integer
language sql immutable
as $$
    select case
        when in_reason in ('threat_violence', 'illegal_content', 'sexual_content', 'privacy') then 3
        when in_reason in ('hate_speech', 'harassment', 'personal_abuse', 'defamation') then 2
        else 1
    end
$$;

comment on function discussion.severity is 'Severity of a reason for reporting: 1 to 3.';

grant execute on function discussion.severity to btl_scheduler;
