-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
create or replace view ingest.kept_versions (register, article_id, version) as
select 'articles.content_version', article_id, content_version from discussion.articles
union all
select 'articles.status_version', article_id, status_version from discussion.articles
union all
select 'article_versions.version', article_id, version from discussion.article_versions
union all
select 'discussion_overrides.version', article_id, version from discussion.discussion_overrides
union all
select 'comments.posted_version', article_id, posted_version from discussion.comments
union all
select 'comments.edited_version', article_id, edited_version from discussion.comments
union all
select 'comments.deleted_version', article_id, deleted_version from discussion.comments
union all
select 'comments.decision_version', article_id, decision_version from discussion.comments
union all
select 'comment_edits.version', article_id, version from discussion.comment_edits
union all
select 'moderation_decisions.version', article_id, version from discussion.moderation_decisions
union all
select 'reports.reported_version', article_id, reported_version from discussion.reports
union all
select 'reports.withdrawn_version', article_id, withdrawn_version from discussion.reports
union all
select 'report_decisions.version', article_id, version from discussion.report_decisions
union all
select 'reactions.state_version', article_id, state_version from discussion.reactions;

comment on view ingest.kept_versions is
'All versions of events that the tables of schema discussion keep. Reads these tables whole.';
comment on column ingest.kept_versions.register is
'Where the version is kept: table and column of schema discussion';
comment on column ingest.kept_versions.article_id is 'The article of the event';
comment on column ingest.kept_versions.version is 'The version; null: the register was never set';
