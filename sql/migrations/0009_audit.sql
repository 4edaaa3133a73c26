-- The audit reads the ledger's sequence from an index alone. What begins a life, and what is no part of the sequence, is said.
-- Consumers wait (and try again) while the index is built: about five seconds for each million rows.
set local role btl_owner;

drop index ingest.batches_contiguous;
create unique index batches_contiguous on ingest.batches (
    consumer_group, topic, partition, incarnation, first_offset
) include (next_offset) where kind in ('batch', 'empty', 'gap');

comment on table ingest.batches is
'The ledger: what became of every record, one row per partition and batch, never changed. Per partition and incarnation first_offset equals the previous next_offset, redrives left out; each incarnation but the first begins with a reset.';
comment on column ingest.batches.kind is
'batch; empty: the position moved without records; gap: records expired unread, accepted as lost; reset: begins an incarnation, first_offset and next_offset both are where; redrive: dead letters judged again, no part of the sequence';
