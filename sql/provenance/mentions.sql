-- Purpose: how much is known below an article, whether or not any event has told of the article itself.
-- Parameters: article_id. Grain: one row: comments (stubs included), reports. Re-run: safe; reads only.
select
    (select count(*) from discussion.comments as comment where comment.article_id = %(article_id)s) as comments,
    (select count(*) from discussion.reports as report where report.article_id = %(article_id)s) as reports
