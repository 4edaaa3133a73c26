-- Articles to compare, by chance: half of those that the newsroom has published, half of those that
-- have metrics, so that a row that is missing is met as well as one that should not be. Parameters:
-- half. Grain: one row per article. Reads only.
(
    select article.article_id
    from discussion.articles as article
    order by random()
    limit %(half)s
)
union
(
    select engagement.article_id
    from metrics.article_engagement as engagement
    order by random()
    limit %(half)s
)
