-- Severity: fail
-- Says: an article is not as its last event says: the row was changed by hand, or the history was
-- Do: btl explain article ID says which event is right; redrive or reset to read it again
-- Grain: one row per article. Re-run: reads only.
select
    coalesce(article.article_id, content.article_id, status.article_id) as article_id,
    article.headline,
    article.site,
    article.section,
    article.status,
    content.headline as headline_of_event,
    content.site as site_of_event,
    content.section as section_of_event,
    status.status as status_of_event
from discussion.articles as article
full join (
    select distinct on (listed.article_id) listed.*
    from discussion.article_versions as listed
    where listed.event_type in ('published', 'updated')
    order by listed.article_id, listed.version desc
) as content on content.article_id = article.article_id
full join (
    select distinct on (listed.article_id)
        listed.article_id,
        listed.event_type as status,
        case
            when listed.event_type = 'published' then listed.occurred_at
            else listed.unpublished_at
        end as changed_at,
        listed.version
    from discussion.article_versions as listed
    where listed.event_type in ('published', 'unpublished')
    order by listed.article_id, listed.version desc
) as status on status.article_id = coalesce(article.article_id, content.article_id)
where (article.content_version, article.status_version, article.status, article.status_changed_at)
    is distinct from (content.version, status.version, status.status, status.changed_at)
    or (
        article.url,
        article.headline,
        article.site,
        article.section,
        article.topics,
        article.bylines,
        article.language,
        article.updated_at,
        article.discussion_enabled,
        article.discussion_closes_at,
        article.discussion_window_hours
    ) is distinct from (
        content.url,
        content.headline,
        content.site,
        content.section,
        content.topics,
        content.bylines,
        content.language,
        content.updated_at,
        content.discussion_enabled,
        content.discussion_closes_at,
        content.discussion_window_hours
    )
