-- Purpose: how many rows an archive of one site leaves out because no event says of which site
--   their articles are.
-- Parameters: none. Grain: one row. Re-run: safe; it only reads.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select count(*) as row_count
from (
    select article_id from discussion.articles
    union all
    select article_id from discussion.article_versions
    union all
    select article_id from discussion.discussion_overrides
    union all
    select article_id from discussion.comments
    union all
    select article_id from discussion.comment_edits
    union all
    select article_id from discussion.moderation_decisions
    union all
    select article_id from discussion.reports
    union all
    select article_id from discussion.report_decisions
    union all
    select article_id from discussion.reactions
) as stored
where
    not exists (
        select from discussion.articles as article
        where
            article.article_id = stored.article_id
            and article.site is not null
    )
