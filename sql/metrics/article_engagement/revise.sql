-- Keeps the rows of final figures that are about to change, as they were, and counts the new ones as their next revision.
-- Parameters: articles; computed_article_engagement is staged. Grain: one row per article whose final figures change.
-- Safe to re-run: of the same transaction as the rows' replacement, after which nothing differs.
with replaced as (
    insert into metrics.article_engagement_revisions (
        article_id, comments_submitted, comments_published, comments_visible, top_level, replies, max_depth,
        reply_share, unique_commenters, top5_share, first_comment_at, last_comment_at, time_to_first_comment_seconds,
        reactions_net, reactions_added, engagement, first_24h_share, peak_hour, peak_hour_comments, edited,
        deleted_by_author, held_comments, held_waiting, time_to_approval_p50_seconds, staff_comments, late_comments,
        state, closes_at, closed_at, final, reactions_final, revision, computed_at, metric_version, watermark
    )
    select
        before.article_id,
        before.comments_submitted,
        before.comments_published,
        before.comments_visible,
        before.top_level,
        before.replies,
        before.max_depth,
        before.reply_share,
        before.unique_commenters,
        before.top5_share,
        before.first_comment_at,
        before.last_comment_at,
        before.time_to_first_comment_seconds,
        before.reactions_net,
        before.reactions_added,
        before.engagement,
        before.first_24h_share,
        before.peak_hour,
        before.peak_hour_comments,
        before.edited,
        before.deleted_by_author,
        before.held_comments,
        before.held_waiting,
        before.time_to_approval_p50_seconds,
        before.staff_comments,
        before.late_comments,
        before.state,
        before.closes_at,
        before.closed_at,
        before.final,
        before.reactions_final,
        computed.revision,
        before.computed_at,
        before.metric_version,
        before.watermark
    from metrics.article_engagement as before
    inner join computed_article_engagement as computed on computed.article_id = before.article_id
    where before.article_id = any(%(articles)s)
        and (
            (
                before.final
                and (
                    before.comments_submitted, before.comments_published, before.comments_visible, before.top_level,
                    before.replies, before.max_depth, before.reply_share, before.unique_commenters, before.top5_share,
                    before.first_comment_at, before.last_comment_at, before.time_to_first_comment_seconds,
                    before.first_24h_share, before.peak_hour, before.peak_hour_comments, before.edited,
                    before.deleted_by_author, before.held_comments, before.held_waiting, before.time_to_approval_p50_seconds,
                    before.staff_comments, before.late_comments
                ) is distinct from (
                    computed.comments_submitted, computed.comments_published, computed.comments_visible, computed.top_level,
                    computed.replies, computed.max_depth, computed.reply_share, computed.unique_commenters,
                    computed.top5_share, computed.first_comment_at, computed.last_comment_at,
                    computed.time_to_first_comment_seconds, computed.first_24h_share, computed.peak_hour,
                    computed.peak_hour_comments, computed.edited, computed.deleted_by_author, computed.held_comments,
                    computed.held_waiting, computed.time_to_approval_p50_seconds, computed.staff_comments,
                    computed.late_comments
                )
            )
            or (
                before.reactions_final
                and (
                    before.reactions_net, before.reactions_added, before.engagement
                ) is distinct from (
                    computed.reactions_net, computed.reactions_added, computed.engagement
                )
            )
        )
    returning article_id
)

update computed_article_engagement as computed
set revision = computed.revision + 1
from replaced
where replaced.article_id = computed.article_id
