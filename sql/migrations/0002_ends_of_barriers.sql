-- A barrier's ends are high watermarks from now on: acknowledged records may lie behind somebody's
-- open transaction, and the last stable offset stops there.
comment on column ingest.barrier_offsets.end_offset is
'High watermark: every acknowledged record lies before it, and next_offset must reach it';
