-- Runs as: the role that migrates
--
-- The role of redrives. It reads dead letters whole and merges what has become valid, but owns no
-- partition and moves no position. An Airflow that redrives needs no other right of the consumers.
do $$
begin
    if not exists (select from pg_roles where rolname = 'btl_redrive') then
        create role btl_redrive nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
end
$$;

set local role btl_owner;

grant usage on schema discussion, ingest to btl_redrive;
grant select, insert on
    discussion.article_versions,
    discussion.comment_edits,
    discussion.discussion_overrides,
    discussion.moderation_decisions,
    discussion.report_decisions
to btl_redrive;
grant select, insert, update on
    discussion.articles,
    discussion.comments,
    discussion.reactions,
    discussion.reports
to btl_redrive;
grant select, insert on
    ingest.dirty_articles,
    ingest.dirty_discussions,
    ingest.dirty_windows
to btl_redrive;
grant select on ingest.dead_letters, ingest.partition_offsets to btl_redrive;
grant update (
    stage, code, pointer, message, schema_version, software_version, attempts, status,
    status_changed_at, judged_at
) on ingest.dead_letters to btl_redrive;
grant insert on ingest.batches to btl_redrive;
