-- The events about articles, each article's in order of their order keys.
-- Parameters: none.
-- Grain: one row per event. Reads only.
select
    version.article_id,
    version.version,
    version.kind,
    version.effective_at,
    version.occurred_at,
    version.published_at,
    version.enabled,
    version.closes_at,
    version.window_hours,
    version.site,
    version.section
from versions as version
order by version.article_id, version.version
