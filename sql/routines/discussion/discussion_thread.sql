-- Discussions as moderators read them. Columns: sql/metrics/discussion_thread.
create or replace view discussion.discussion_thread as
select
    article.article_id,
    thread.comment_id,
    thread.parent_comment_id,
    thread.depth,
    thread.path,
    thread.user_id,
    thread.display_name,
    thread.role,
    thread.posted_at,
    thread.edited_at,
    thread.erased_at,
    thread.body,
    thread.status,
    thread.late_by
from discussion.known_articles as article
cross join lateral discussion.thread_of(article.article_id) as thread;

grant select on discussion.discussion_thread to btl_moderator;
