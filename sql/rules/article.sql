-- What decides about an article's discussion besides its events: anchor and rule as they are now,
-- the window as the last closing run stored it, and since when a mark waits for the next run.
-- Parameters: article.
-- Grain: one row, if an article or override event named the article. Reads only.
select
    named.article_id,
    article.headline,
    article.url,
    anchors.anchor,
    anchors.site,
    anchors.section,
    anchors.rule_id,
    closing_window.state as stored_state,
    closing_window.closes_at as stored_closes_at,
    closing_window.closed_at as stored_closed_at,
    mark.marked_at
from (
    select article_version.article_id
    from discussion.article_versions as article_version
    where article_version.article_id = %(article)s
    union
    select override.article_id
    from discussion.discussion_overrides as override
    where override.article_id = %(article)s
) as named
left join discussion.articles as article on article.article_id = named.article_id
left join discussion.anchors(array[%(article)s]) as anchors on anchors.article_id = named.article_id
left join discussion.windows as closing_window on closing_window.article_id = named.article_id
left join lateral (
    select min(waiting.marked_at) as marked_at
    from ingest.dirty_windows as waiting
    where waiting.article_id = named.article_id
) as mark on true
