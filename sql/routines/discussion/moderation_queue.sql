-- What moderators should look at first. Columns: sql/metrics/moderation_queue.
create or replace view discussion.moderation_queue as
select
    backlog.article_id,
    article.headline,
    backlog.comment_id,
    comment.user_id,
    nullif(comment.display_name, '') as display_name,
    nullif(coalesce(comment.edited_body, comment.first_body), '') as body,
    comment.posted_at,
    discussion.posting_erased_at(comment.posted_version, comment.erased_at) as erased_at,
    backlog.open_reports,
    backlog.unique_reporters,
    backlog.reasons,
    backlog.oldest_open_at,
    backlog.visible_since is not null as visible,
    case
        when backlog.visible_since is not null
            then greatest(0, extract(epoch from now() - backlog.visible_since))::double precision
    end as exposure_seconds,
    backlog.weight,
    backlog.severity,
    24 * backlog.severity * backlog.weight
    + greatest(0, extract(epoch from now() - backlog.visible_since))::double precision / 3600
        as urgency,
    backlog.urgency_key
from metrics.open_reports as backlog
left join discussion.articles as article on article.article_id = backlog.article_id
left join discussion.comments as comment
    on comment.article_id = backlog.article_id and comment.comment_id = backlog.comment_id
order by
    (backlog.visible_since is not null) desc,
    backlog.urgency_key desc,
    backlog.article_id,
    backlog.comment_id;

grant select on discussion.moderation_queue to btl_moderator;
