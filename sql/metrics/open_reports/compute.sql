-- What metrics.open_reports says of the articles of a bucket, except for weight and urgency_key,
-- which weights.sql says; see definitions.yaml beside it.
-- Parameters: articles; the bucket is staged. Grain: one row per comment with an open round. Reads
--   only.
with waiting as materialized (
    select
        article.article_id,
        report_round.comment_id,
        count(*) as open_reports,
        count(
            distinct report_round.reporter_kind || ' ' || report_round.reporter_id
        ) as unique_reporters,
        coalesce(
            array_agg(distinct report_round.reporter_id)
                filter (where report_round.reporter_kind = 'user'),
            '{}'
        ) as signed_in_reporters,
        array_agg(distinct report_round.reason) as reasons,
        min(report_round.began_at) as oldest_open_at,
        max(report_round.visible_since) as visible_since,
        max(discussion.severity(report_round.reason)) as severity
    from computing_rounds as report_round
    inner join computing_articles as article on article.article_no = report_round.article_no
    where report_round.outcome = 'open'
    group by article.article_id, report_round.comment_id
),

-- What hides a comment from readers and shows it again: decisions on it, and its article being
-- unpublished and published (comment_id null). code: by version, twice the place, and one more for
-- what hides. So the maximum of what happened by then is odd while it is hidden.
hiding as (
    select
        moderation.article_id,
        moderation.comment_id,
        moderation.decided_at as at,
        2 * row_number() over (
            partition by moderation.article_id, moderation.comment_id order by moderation.version
        ) + (moderation.decision = 'rejected')::integer as code
    from discussion.moderation_decisions as moderation
    where moderation.article_id = any(%(articles)s)
        and (moderation.article_id, moderation.comment_id) in (
            select waiting.article_id, waiting.comment_id from waiting
        )
    union all
    select
        version.article_id,
        null,
        coalesce(version.unpublished_at, version.occurred_at),
        2 * row_number() over (partition by version.article_id order by version.version)
        + (version.event_type = 'unpublished')::integer
    from discussion.article_versions as version
    where version.article_id = any(%(articles)s)
        and version.event_type in ('published', 'unpublished')
        and version.article_id in (select waiting.article_id from waiting)
),

-- is_hidden: in the end. shown_again_at: when it was shown again for the last time.
shown as materialized (
    select
        turn.article_id,
        turn.comment_id,
        mod(max(turn.code), 2) = 1 as is_hidden,
        max(turn.at) filter (
            where mod(turn.code, 2) = 0 and mod(turn.code_before, 2) = 1
        ) as shown_again_at
    from (
        select
            in_force.*,
            lag(in_force.code) over (
                partition by in_force.article_id, in_force.comment_id order by in_force.at
            ) as code_before
        from (
            select
                hiding.article_id,
                hiding.comment_id,
                hiding.at,
                max(max(hiding.code)) over (
                    partition by hiding.article_id, hiding.comment_id order by hiding.at
                ) as code
            from hiding
            group by hiding.article_id, hiding.comment_id, hiding.at
        ) as in_force
    ) as turn
    group by turn.article_id, turn.comment_id
)

select
    waiting.article_id,
    waiting.comment_id,
    waiting.open_reports,
    waiting.unique_reporters,
    waiting.signed_in_reporters,
    waiting.reasons,
    waiting.oldest_open_at,
    case
        when waiting.visible_since is not null and not coalesce(article.is_hidden, false)
            then greatest(waiting.visible_since, comment.shown_again_at, article.shown_again_at)
    end as visible_since,
    0 as weight,
    waiting.severity,
    0 as urgency_key
from waiting
left join shown as comment
    on comment.article_id = waiting.article_id and comment.comment_id = waiting.comment_id
left join (
    select whole.article_id, whole.is_hidden, whole.shown_again_at
    from shown as whole
    where whole.comment_id is null
) as article on article.article_id = waiting.article_id
