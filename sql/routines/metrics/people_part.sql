-- Without a subquery, so that the planner writes it into the calling statement.
create or replace function metrics.people_part(user_id text) returns integer
language sql immutable
as $$
    select (hashtextextended(user_id, 0) & 63)::integer
$$;

comment on function metrics.people_part is
'Which of 64 parts a person belongs to, 0 to 63: people of days are counted part by part, so that '
'one who came or went makes only their part be counted again. By the hash that Postgres partitions '
'by, which stays the same from version to version.';

grant execute on function metrics.people_part to btl_scheduler, btl_erase;
