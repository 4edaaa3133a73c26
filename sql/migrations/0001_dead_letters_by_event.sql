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

do $$
declare
    letter record;
    attributes jsonb;
    is_structured boolean;
    is_binary boolean;
begin
    for letter in
        select topic_id, partition, record_offset, record_value, record_headers
        from ingest.dead_letters
    loop
        -- One record that cannot be read must not keep the others from being read.
        begin
            select
                jsonb_object_agg(
                    substr(convert_from(header.name, 'UTF8'), 4),
                    convert_from(header.value, 'UTF8')
                    -- Of a header that is given twice the first counts.
                    order by header.place desc
                ) filter (where header.name in ('ce_source', 'ce_type', 'ce_id')),
                coalesce(bool_or(
                    header.name = 'content-type'
                    and lower(encode(header.value, 'escape')) like 'application/cloudevents%'
                ), false),
                coalesce(bool_or(substr(header.name, 1, 3) = 'ce_'), false)
            into attributes, is_structured, is_binary
            from (
                select
                    place,
                    letter.record_headers[place] as name,
                    letter.record_headers[place + 1] as value
                from generate_series(
                    1, coalesce(array_length(letter.record_headers, 1), 0), 2
                ) as place
            ) as header;
            if is_structured or not is_binary then
                attributes := null;
                if octet_length(letter.record_value) between 1 and 262144 then
                    attributes := convert_from(letter.record_value, 'UTF8')::jsonb;
                end if;
            end if;
            update ingest.dead_letters as kept
            set
                source = named.texts ->> 'source',
                event_type = named.texts ->> 'type',
                event_id = named.texts ->> 'id'
            from (
                select jsonb_object_agg(attribute.key, attribute.value) as texts
                from jsonb_each(
                    case when jsonb_typeof(attributes) = 'object' then attributes else '{}' end
                ) as attribute
                where attribute.key in ('source', 'type', 'id')
                    and jsonb_typeof(attribute.value) = 'string'
                    and octet_length(attribute.value #>> '{}') between 1 and 200
            ) as named
            where kept.topic_id = letter.topic_id
                and kept.partition = letter.partition
                and kept.record_offset = letter.record_offset
                and named.texts is not null;
        exception
            when data_exception or program_limit_exceeded then null;
        end;
    end loop;
end
$$;

create index dead_letters_by_event on ingest.dead_letters (event_id, source);
create index dead_letters_by_source on ingest.dead_letters (status, code, source, event_type);
