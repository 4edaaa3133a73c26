-- Purpose: what moderators should look at first, most urgent first, for `btl queue`.
-- Parameters: site, section, article, reason (null: any), max_rows.
-- Grain: one row per comment with open reports; waiting: the number of them all, in each row.
-- Re-run: safe; it only reads.
select
    queue.article_id,
    queue.headline,
    article.site,
    article.section,
    queue.comment_id,
    queue.user_id,
    queue.display_name,
    queue.body,
    queue.posted_at,
    queue.erased_at,
    queue.open_reports,
    queue.unique_reporters,
    queue.reasons,
    queue.oldest_open_at,
    queue.visible,
    queue.exposure_seconds,
    queue.weight,
    queue.severity,
    queue.urgency,
    count(*) over () as waiting
from discussion.moderation_queue as queue
left join discussion.articles as article on article.article_id = queue.article_id
where (%(site)s::text is null or article.site = %(site)s::text)
    and (%(section)s::text is null or article.section = %(section)s::text)
    and (%(article)s::text is null or queue.article_id = %(article)s::text)
    and (%(reason)s::text is null or %(reason)s::text = any(queue.reasons))
order by queue.visible desc, queue.urgency_key desc, queue.article_id, queue.comment_id
limit %(max_rows)s
