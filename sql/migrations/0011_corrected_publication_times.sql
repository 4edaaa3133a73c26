alter table discussion.article_versions add column published_at_corrected boolean;

comment on column discussion.article_versions.published_at is
'When the article was or will be published; discussion.anchor_changes says which one counts';
comment on column discussion.article_versions.published_at_corrected is
'Whether it says that the publication time before was wrong; null: it does not say';
comment on column discussion.windows.opens_at is
'The anchor: the publication time that counts; null: not known. Comments before it are in time';
comment on column discussion.windows.site is
'Site that selects the rule: of the version that set the anchor';

-- The next closing run looks at the articles that gave several times: a postponed embargo counts
-- now.
insert into ingest.dirty_windows (article_id)
select article_version.article_id
from discussion.article_versions as article_version
group by article_version.article_id
having count(distinct article_version.published_at) > 1;
