-- The filters of btl dead-letters.
create or replace function ingest.selected_dead_letters(
    in_statuses text[],
    in_codes text[],
    in_topic text,
    in_record_key bytea,
    in_since timestamptz,
    in_until timestamptz,
    in_source text,
    in_event_type text,
    in_event_id text
) returns setof ingest.dead_letters
language sql stable
as $$
    select letter.*
    from ingest.dead_letters as letter
    where
        letter.status = any(in_statuses)
        and (cardinality(in_codes) = 0 or letter.code = any(in_codes))
        and (in_topic is null or letter.topic = in_topic)
        and (in_record_key is null or letter.record_key = in_record_key)
        and (in_since is null or letter.record_timestamp >= in_since)
        and (in_until is null or letter.record_timestamp < in_until)
        and (in_source is null or letter.source = in_source)
        and (in_event_type is null or letter.event_type = in_event_type)
        and (in_event_id is null or letter.event_id = in_event_id)
$$;

comment on function ingest.selected_dead_letters is
'Dead letters with one of these statuses that match all given filters (no codes: all; null: no '
'filter): code, topic, key, record timestamp (from in_since, before in_until), and source, type '
'and id of the event.';

grant execute on function ingest.selected_dead_letters to btl_ingest, btl_redrive;
revoke execute on function ingest.selected_dead_letters from btl_scheduler;
