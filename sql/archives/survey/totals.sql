-- How much the export has, and from when to when. A comment whose id comes twice in its article
-- counts once.
-- Parameters: none.
-- Grain: one row. Reads only.
select
    (select count(distinct article.article_id) from articles as article) as articles,
    (select min(article.published_at) from articles as article) as first_published_at,
    (select max(article.published_at) from articles as article) as last_published_at,
    (
        select count(*)
        from comments as comment
        where comment.parent_comment_id is not null
            and not exists (
                select 1 from repetitions as repetition where repetition.comment_row = comment.rowid
            )
    ) as replies,
    (select min(comment.posted_at) from comments as comment) as first_posted_at,
    (select max(comment.posted_at) from comments as comment) as last_posted_at,
    (select count(person.user_id) from people as person) as people,
    (select count(person.named_by) from people as person) as names
