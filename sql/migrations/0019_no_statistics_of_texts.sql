-- Runs as: the role that migrates
--
-- The planner keeps frequent values of columns, and ANALYZE renews them now and then. No statement
-- is planned by names, texts, records or versions: so it keeps none of them any more, and an
-- erasure leaves none there. Ids of people are needed for planning: an erasure renews those.
set local role btl_owner;

alter table discussion.comments
alter column display_name set statistics 0,
alter column first_body set statistics 0,
alter column edited_body set statistics 0,
alter column posted_version set statistics 0,
alter column edited_version set statistics 0;

alter table discussion.comment_edits
alter column body set statistics 0,
alter column digest set statistics 0,
alter column version set statistics 0;

alter table discussion.reactions alter column state_version set statistics 0;

alter table discussion.reports
alter column note set statistics 0,
alter column law set statistics 0,
alter column reported_version set statistics 0;

alter table discussion.report_decisions
alter column explanation set statistics 0,
alter column digest set statistics 0,
alter column version set statistics 0;

alter table ingest.dead_letters
alter column record_key set statistics 0,
alter column record_value set statistics 0,
alter column record_headers set statistics 0;

alter table ingest.erasures alter column subject set statistics 0;

do $$
declare
    kept record;
begin
    -- What was kept before. Older servers keep it until the column is dropped.
    if current_setting('server_version_num')::integer >= 180000 then
        for kept in
            select attribute.attrelid::regclass as relation, attribute.attname
            from pg_attribute as attribute
            where attribute.attstattarget = 0
                and attribute.attrelid::regclass in (
                    'discussion.comments', 'discussion.comment_edits', 'discussion.reactions',
                    'discussion.reports', 'discussion.report_decisions', 'ingest.dead_letters'
                )
        loop
            execute format(
                'select pg_clear_attribute_stats(%L, %L, %L, false)',
                split_part(kept.relation::text, '.', 1),
                split_part(kept.relation::text, '.', 2),
                kept.attname
            );
        end loop;
    end if;
    if current_setting('server_version_num')::integer >= 170000 then
        execute 'grant maintain on discussion.comments, discussion.reports, discussion.reactions,'
            ' ingest.dirty_reporters, metrics.article_commenters, metrics.article_reporters,'
            ' metrics.open_reports, metrics.reporter_accuracy to btl_erase';
    end if;
end
$$;
