-- The last statement of every batch: see docs/adr/0001-postgres-holds-the-offsets.md.
create or replace function ingest.advance_offsets(
    in_consumer_group text,
    in_owner uuid,
    in_topics text[],
    in_partitions integer[],
    in_epochs bigint[],
    in_first_offsets bigint[],
    in_next_offsets bigint[]
) returns void
language plpgsql
as $$
declare
    moved integer;
begin
    update ingest.partition_offsets as held
    set next_offset = batch.next_offset, moved_at = clock_timestamp()
    from unnest(in_topics, in_partitions, in_epochs, in_first_offsets, in_next_offsets)
        as batch (topic, partition, epoch, first_offset, next_offset)
    where held.consumer_group = in_consumer_group
        and held.topic = batch.topic
        and held.partition = batch.partition
        and held.owner = in_owner
        and held.epoch = batch.epoch
        and held.next_offset = batch.first_offset
        and held.status = 'consuming';
    get diagnostics moved = row_count;
    if moved is distinct from cardinality(in_partitions) then
        raise exception 'fenced: moved % of % partitions of group %',
            moved, cardinality(in_partitions), in_consumer_group
            using
                errcode = 'BTL01',
                hint = 'Another owner has taken a partition of this batch: roll back, take again,'
                ' seek.';
    end if;
end
$$;

comment on function ingest.advance_offsets is
'The fence: moves next_offset of all given partitions, or raises BTL01 so that the whole batch '
'rolls back. A consumer that has lost one of them cannot write.';

grant execute on function ingest.advance_offsets to btl_ingest;
