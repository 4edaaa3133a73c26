-- Purpose: how many comments and reports are known below an article, also of an unknown article.
-- Parameters: article_id.
-- Grain: one row: comments (stubs included), reports.
-- Re-run: safe; it only reads.
select
    (
        select count(*) from discussion.comments as comment
        where comment.article_id = %(article_id)s
    ) as comments,
    (
        select count(*) from discussion.reports as report
        where report.article_id = %(article_id)s
    ) as reports
