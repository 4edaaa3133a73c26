-- The inverse of order_key in below_the_line/contracts/events.py: eight bytes of microseconds since
-- 1970, offset by 2^63; id and source in UTF-8, each ended by a zero byte, which neither contains;
-- the digest. A set of one row, which the planner can put in line.
create or replace function ingest.event_of(in_version bytea)
returns table (occurred_at timestamptz, event_id text, source text, digest bytea)
language sql stable
rows 1
as $$
    select
        ingest.occurred_at(in_version),
        convert_from(substr(names.pair, 1, names.ended - 1), 'UTF8'),
        convert_from(
            substr(names.pair, names.ended + 1, length(names.pair) - names.ended - 1), 'UTF8'
        ),
        substr(in_version, length(in_version) - 31)
    from (
        select
            substr(in_version, 9, length(in_version) - 40) as pair,
            position('\x00'::bytea in substr(in_version, 9)) as ended
    ) as names
    where in_version is not null
$$;

comment on function ingest.event_of is
'The event that an order key (version) names: its time, id, source, and digest. No row for null.';

grant execute on function ingest.event_of to btl_ingest, btl_scheduler, btl_moderator;
