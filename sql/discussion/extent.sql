-- When comments and reports came in an article's discussion. Parameters: article. Grain: one row.
-- Reads only.
select
    min(activity.at) as first_at,
    max(activity.at) as last_at
from (
    select comment.posted_at as at
    from discussion.comments as comment
    where comment.article_id = %(article)s
    union all
    select report.reported_at
    from discussion.reports as report
    where report.article_id = %(article)s
) as activity
