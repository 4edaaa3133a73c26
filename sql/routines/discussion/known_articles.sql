-- The articles that have a row in the metric tables.
create or replace view discussion.known_articles as
select article.article_id from discussion.articles as article
union
select article_version.article_id from discussion.article_versions as article_version
union
select override.article_id from discussion.discussion_overrides as override
union
select comment.article_id from discussion.comments as comment
union
select edit.article_id from discussion.comment_edits as edit
union
select moderation.article_id from discussion.moderation_decisions as moderation
union
select report.article_id from discussion.reports as report
union
select report_decision.article_id from discussion.report_decisions as report_decision
union
select reaction.article_id from discussion.reactions as reaction;

comment on view discussion.known_articles is
'Every article that any event named. Each has a row in the metric tables.';
comment on column discussion.known_articles.article_id is 'The article, as its publisher names it';

grant select on discussion.known_articles to btl_scheduler;
