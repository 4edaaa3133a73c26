-- What a dead letter's record calls its event, so that floods are counted by source and type and
-- one event is found. Rows that exist get what can be read; consumers write it from now on.
alter table ingest.dead_letters
add column source text collate "C",
add column event_type text collate "C",
add column event_id text collate "C";

comment on column ingest.dead_letters.source is
'CloudEvents source that the record gives; null: not readable, or longer than 200 bytes';
comment on column ingest.dead_letters.event_type is
'CloudEvents type that the record gives; null: not readable, or longer than 200 bytes';
comment on column ingest.dead_letters.event_id is
'CloudEvents id that the record gives; null: not readable, or longer than 200 bytes';

-- One record that cannot be read must not keep the others from being read: these catch the error.
-- They are not temporary, because who may make temporary functions is the database's to say.
create function ingest.readable_text(value bytea) returns text
language plpgsql as $$
begin
    return convert_from(value, 'UTF8');
exception
    when data_exception then return null;
end
$$;

create function ingest.readable_json(value bytea) returns jsonb
language plpgsql as $$
begin
    return convert_from(value, 'UTF8')::jsonb;
exception
    when data_exception or program_limit_exceeded then return null;
end
$$;

update ingest.dead_letters as letter
set
    (source, event_type, event_id) = (
        select
            max(attribute.text) filter (where attribute.name = 'source'),
            max(attribute.text) filter (where attribute.name = 'type'),
            max(attribute.text) filter (where attribute.name = 'id')
        from (
            select
                -- Of a header that is given twice the first counts.
                array_agg(header.value order by header.place)
                    filter (where header.name = 'ce_source') as sources,
                array_agg(header.value order by header.place)
                    filter (where header.name = 'ce_type') as types,
                array_agg(header.value order by header.place)
                    filter (where header.name = 'ce_id') as ids,
                coalesce(bool_or(
                    header.name = 'content-type'
                    and lower(encode(header.value, 'escape')) like 'application/cloudevents%'
                ), false) or not coalesce(bool_or(substr(header.name, 1, 3) = 'ce_'), false)
                    as is_structured
            from (
                select
                    place,
                    letter.record_headers[place] as name,
                    letter.record_headers[place + 1] as value
                from generate_series(
                    1, coalesce(array_length(letter.record_headers, 1), 0), 2
                ) as place
            ) as header
        ) as headers
        cross join lateral (
            select case
                when headers.is_structured and octet_length(letter.record_value) <= 262144
                    then ingest.readable_json(letter.record_value)
            end as event
        ) as structured
        cross join lateral (
            values
            ('source', structured.event -> 'source', headers.sources[1]),
            ('type', structured.event -> 'type', headers.types[1]),
            ('id', structured.event -> 'id', headers.ids[1])
        ) as given (name, member, header)
        cross join lateral (
            select
                given.name,
                case
                    when not headers.is_structured then ingest.readable_text(given.header)
                    when jsonb_typeof(given.member) = 'string' then given.member #>> '{}'
                end as text
        ) as attribute
        where octet_length(attribute.text) between 1 and 200
    );

drop function ingest.readable_text, ingest.readable_json;

create index dead_letters_by_event on ingest.dead_letters (event_id, source);
create index dead_letters_by_source on ingest.dead_letters (status, code, source, event_type);
