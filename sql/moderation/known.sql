-- Purpose: whether an article, and a comment below it, is known, if only from a report of it.
-- Parameters: article, comment (null: none is asked for). Grain: one row: headline, is_known,
--   comment_is_known.
-- Re-run: safe; it only reads.
select
    (
        select article.headline
        from discussion.articles as article
        where article.article_id = %(article)s
    ) as headline,
    exists (
        select from discussion.articles as article where article.article_id = %(article)s
    )
    or exists (
        select from discussion.comments as comment where comment.article_id = %(article)s
    )
    or exists (
        select from discussion.reports as report where report.article_id = %(article)s
    ) as is_known,
    exists (
        select from discussion.comments as comment
        where comment.article_id = %(article)s and comment.comment_id = %(comment)s::text
    )
    or exists (
        select from discussion.reports as report
        where report.article_id = %(article)s and report.comment_id = %(comment)s::text
    ) as comment_is_known
