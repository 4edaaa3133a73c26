-- Plain SQL and not strict, so that the planner puts it in line. Its counterpart: precedes.
create or replace function ingest.supersedes(offered anyelement, kept anyelement) returns boolean
language sql immutable
as 'select offered > kept or (kept is null and offered is not null)';

comment on function ingest.supersedes is
'Join of a register that keeps the greatest: whether the offered version replaces the kept one '
'(null: never set).';

grant execute on function ingest.supersedes to btl_ingest, btl_redrive, btl_erase;
