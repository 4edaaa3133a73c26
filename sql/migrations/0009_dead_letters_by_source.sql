-- The filters of btl dead-letters have source, type and id of the event from now on: the function
-- of before has fewer parameters, and would stay beside the new one.
drop function if exists ingest.selected_dead_letters(
    text[], text[], text, bytea, timestamptz, timestamptz
);
