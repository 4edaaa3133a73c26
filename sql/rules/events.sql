-- Every event that the timeline of an article depends on, also overrides that later ones replaced.
-- Parameters: article. Grain: one row per event, the greatest version last. Reads only.
select
    event.version,
    event.kind,
    event.event_id,
    event.source,
    event.occurred_at,
    event.effective_at,
    event.closes_at,
    event.window_hours,
    event.enabled,
    event.published_at,
    event.published_at_corrected,
    event.site,
    event.section,
    event.decided_by,
    event.reason
from (
    select
        article_version.version,
        article_version.event_type as kind,
        article_version.event_id,
        article_version.source,
        article_version.occurred_at,
        case article_version.event_type
            when 'unpublished' then article_version.unpublished_at
            else article_version.occurred_at
        end as effective_at,
        article_version.discussion_closes_at as closes_at,
        article_version.discussion_window_hours as window_hours,
        article_version.discussion_enabled as enabled,
        article_version.published_at,
        article_version.published_at_corrected,
        article_version.site,
        article_version.section,
        null as decided_by,
        article_version.unpublished_reason as reason
    from discussion.article_versions as article_version
    where article_version.article_id = %(article)s
    union all
    select
        override.version,
        override.action,
        override.event_id,
        override.source,
        override.occurred_at,
        override.decided_at,
        override.closes_at,
        null,
        null,
        null,
        null,
        null,
        null,
        override.decided_by,
        override.reason
    from discussion.discussion_overrides as override
    where override.article_id = %(article)s
) as event
order by event.version
