-- Purpose: the sites and sections that articles have, to say which name was perhaps meant.
-- Parameters: none. Grain: one row per site and section (null: none).
-- Re-run: safe; it only reads.
select distinct
    article.site,
    article.section
from discussion.articles as article
where article.site is not null
