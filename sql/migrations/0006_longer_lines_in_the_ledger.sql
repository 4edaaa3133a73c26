-- A line of the ledger is extended for some seconds of progress: see
-- docs/adr/0019-lines-of-the-ledger-are-extended.md.
alter table ingest.batches
add column batches integer not null default 1,
add column first_committed_at timestamptz;

comment on table ingest.batches is
'The ledger: what happened to every record, one row per partition and some seconds of progress. '
'The last row of an owner is extended by its next batches, in the transaction of each; all others '
'never change. Within a partition and incarnation first_offset equals the previous next_offset, '
'without redrives. Each incarnation after the first begins with a reset.';
comment on column ingest.batches.kind is
'batch; empty: the position moved without records (a row of kind batch may cover that, too); gap: '
'records expired unread and were accepted as lost; reset: begins an incarnation, first_offset and '
'next_offset are its first offset; redrive: dead letters validated again, outside the sequence';
comment on column ingest.batches.committed_at is 'When the last of its batches was written';
comment on column ingest.batches.batches is 'Number of batches (transactions) that it covers';
comment on column ingest.batches.first_committed_at is
'When the first of its batches was written; null: it covers only one';

-- Without next_offset, which changes: then an extended row stays in its page, and no index is
-- written (a heap-only tuple).
drop index ingest.batches_contiguous;
create unique index batches_contiguous on ingest.batches (
    consumer_group, topic, partition, incarnation, first_offset
) where kind in ('batch', 'empty', 'gap');
-- Room in each page for the new versions of its rows.
alter table ingest.batches set (fillfactor = 90);

grant update (
    next_offset,
    records,
    applied,
    unchanged,
    dead_lettered,
    batches,
    first_committed_at,
    committed_at
) on ingest.batches to btl_ingest;
