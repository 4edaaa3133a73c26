-- In the order of buckets, whatever the mode: so nobody waits in a circle. Two statements, one for
-- each mode, could not promise that.
create or replace function ingest.lock_articles(
    in_buckets integer[], in_alone boolean[]
) returns void
language plpgsql
as $$
declare
    each record;
begin
    for each in
        select asked.bucket, bool_or(asked.alone) as alone
        from unnest(in_buckets, in_alone) as asked (bucket, alone)
        group by asked.bucket
        order by asked.bucket
    loop
        if each.alone then
            perform from ingest.erasure_locks as held
            where held.bucket = each.bucket for update;
        else
            perform from ingest.erasure_locks as held
            where held.bucket = each.bucket for share;
        end if;
    end loop;
end
$$;

comment on function ingest.lock_articles is
'Locks articles until the transaction ends, by the buckets of ingest.erasure_locks: shared with '
'others, or alone.';

grant execute on function ingest.lock_articles to btl_ingest, btl_redrive;
