-- Plain SQL, not strict and without a subquery, so that the planner puts it in line.
create or replace function ingest.occurred_at(in_version bytea) returns timestamptz
language sql stable
as $$
    select
        to_timestamp(0)
        + (
            ('x' || encode(substr(in_version, 1, 8), 'hex'))::bit(64) # 'x8000000000000000'::bit(64)
        )::bigint
        * interval '1 microsecond'
$$;

comment on function ingest.occurred_at is
'The time of the event that an order key (version) names: its first eight bytes. Null for null.';

grant execute on function ingest.occurred_at to btl_ingest, btl_scheduler, btl_moderator, btl_erase;
