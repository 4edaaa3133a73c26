-- Purpose: take author, name and texts out of comments, and mark their articles.
-- Windows and what is final are not marked: no event came.
-- Parameters: article_ids, comment_ids, user_ids, posted_versions, edited_versions (arrays of equal
--   length; null: the posting, or the edit, is not touched); erased_at.
-- Grain: one row per comment. Re-run: safe; the same values again.
with wiped as (
    update discussion.comments as comment
    set
        user_id = asked.user_id,
        display_name = case when asked.posted_version is null then comment.display_name else '' end,
        first_body = case when asked.posted_version is null then comment.first_body else '' end,
        posted_version = coalesce(asked.posted_version, comment.posted_version),
        edited_body = case when asked.edited_version is null then comment.edited_body else '' end,
        edited_version = coalesce(asked.edited_version, comment.edited_version),
        erased_at = greatest(comment.erased_at, %(erased_at)s)
    from unnest(
        %(article_ids)s::text[],
        %(comment_ids)s::text[],
        %(user_ids)s::text[],
        %(posted_versions)s::bytea[],
        %(edited_versions)s::bytea[]
    ) as asked (article_id, comment_id, user_id, posted_version, edited_version)
    where comment.article_id = asked.article_id
        and comment.comment_id = asked.comment_id
    returning comment.article_id
)

insert into ingest.dirty_articles (article_id)
select distinct wiped.article_id from wiped
