-- Plain SQL and not strict, so that the planner puts it in line. Its counterpart: supersedes.
create or replace function ingest.precedes(offered anyelement, kept anyelement) returns boolean
language sql immutable
as 'select offered < kept or (kept is null and offered is not null)';

comment on function ingest.precedes is
'Join of a register that keeps the least: whether the offered version replaces the kept one (null: '
'never set).';

grant execute on function ingest.precedes to btl_ingest, btl_redrive, btl_erase;
