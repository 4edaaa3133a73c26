-- Comments on columns that mean the same in several tables, each written once. A column that has a
-- comment of its own, in the file of its table, keeps it.
do $$
declare
    uncommented record;
begin
    for uncommented in
        select
            attribute.attrelid::regclass as relation,
            attribute.attname as name,
            meaning.text
        from (values
            ('article_id', 'The article, as its publisher names it'),
            ('comment_id', 'The comment, as the comment service names it'),
            ('source', 'CloudEvents source of the event'),
            ('event_id', 'CloudEvents id of the event'),
            ('digest', 'SHA-256 of type, time and data: separates events of one source and id'),
            ('occurred_at', 'CloudEvents time of the event'),
            ('version', 'Order key of the event: time, id, source and digest as bytes'),
            ('decided_by', 'Who decided'),
            ('decided_at', 'When it was decided'),
            ('url', 'Where the article is read'),
            ('headline', 'Headline of the article'),
            ('site', 'Site of the article'),
            ('section', 'Section (desk, department) of the article'),
            ('topics', 'Topics of the article'),
            ('bylines', 'Who wrote the article'),
            ('language', 'Language of the article (BCP 47)'),
            ('updated_at', 'When the publisher last changed the article'),
            ('discussion_enabled', 'Whether readers may comment, set by it; null: not set'),
            ('discussion_closes_at', 'Closing time set by the article; null: not set'),
            ('discussion_window_hours', 'Hours from anchor to closing, set by it; null: not set'),
            ('event_type', 'Type of the event'),
            ('effective_at', 'When the change took effect'),
            ('sequence', 'Order within the article, from 1'),
            ('mark_id', 'Order of marking'),
            ('marked_at', 'When it was marked'),
            ('consumer_group', 'The consumer group'),
            ('topic', 'The topic'),
            ('partition', 'The partition'),
            ('barrier_id', 'The barrier')
        ) as meaning (name, text)
        inner join pg_attribute as attribute on attribute.attname = meaning.name
        inner join pg_class as relation on relation.oid = attribute.attrelid
        where relation.relkind = 'r'
            and relation.relnamespace in ('discussion'::regnamespace, 'ingest'::regnamespace)
            and col_description(attribute.attrelid, attribute.attnum) is null
    loop
        execute format(
            'comment on column %s.%I is %L',
            uncommented.relation, uncommented.name, uncommented.text
        );
    end loop;
end
$$;
