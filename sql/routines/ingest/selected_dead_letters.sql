-- The filters of btl dead-letters.
create or replace function ingest.selected_dead_letters(
    in_statuses text[],
    in_codes text[],
    in_topic text,
    in_record_key bytea,
    in_since timestamptz,
    in_until timestamptz
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
$$;

comment on function ingest.selected_dead_letters is
'Dead letters with one of these statuses that match all given filters (no codes: all; null: no '
'filter): code, topic, key, and record timestamp (from in_since, before in_until).';

grant execute on function ingest.selected_dead_letters to btl_ingest, btl_redrive, btl_scheduler;
