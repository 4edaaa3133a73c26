-- Which lines of the ledger count a record: see docs/retention.md.
create or replace function ingest.lines_of_record(
    in_topic text, in_topic_id uuid, in_partition integer, in_record_offset bigint
) returns table (batch_id bigint, committed_at timestamptz)
language sql stable
as $$
    select line.batch_id, line.committed_at
    from ingest.partition_offsets as held
    cross join lateral generate_series(1, held.incarnation) as past (incarnation)
    cross join lateral (
        select
            covering.batch_id,
            covering.committed_at,
            covering.kind,
            covering.next_offset
        from ingest.batches as covering
        where covering.consumer_group = held.consumer_group
            and covering.topic = held.topic
            and covering.partition = held.partition
            and covering.incarnation = past.incarnation
            and covering.kind in ('batch', 'empty', 'gap')
            and covering.first_offset <= in_record_offset
        order by covering.first_offset desc
        limit 1
    ) as line
    where held.topic = in_topic
        and held.partition = in_partition
        and line.kind = 'batch'
        and line.next_offset > in_record_offset
        -- Only the topic of the present incarnation is known.
        and (past.incarnation < held.incarnation or held.topic_id = in_topic_id)
$$;

comment on function ingest.lines_of_record is
'Lines of the ledger that have read the record, one per consumer group and incarnation: those that '
'count it among their dead letters, if it is one.';

grant execute on function ingest.lines_of_record to btl_retention;
