-- The last statement of every transaction that merges events: from here to the commit nobody
-- records an erasure.
create or replace function ingest.share_erasures(in_version bigint) returns void
language plpgsql
as $$
declare
    present bigint;
begin
    select recorded.version into present
    from ingest.erasures_version as recorded
    for share;
    if present is distinct from in_version then
        raise exception 'erasures were recorded meanwhile: version % instead of %',
            present, in_version
            using
                errcode = 'BTL02',
                hint = 'Roll back, read the new erasures, apply them, and write again.';
    end if;
end
$$;

comment on function ingest.share_erasures is
'The fence of erasures: raises BTL02 if the version of ingest.erasures_version is not the given '
'one, and keeps it until the transaction ends.';

grant execute on function ingest.share_erasures to btl_ingest, btl_redrive;
