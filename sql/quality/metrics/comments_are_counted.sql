-- Severity: fail
-- Says: figures leave out comments that are there, count some that are not, or miss that some were
--   removed, and no mark has them computed
-- Do: btl metrics rebuild --articles ID computes them; find out which mark was lost
-- Grain: one row per article; counted is null where it has no figures at all. Re-run: reads only.
-- Removed: deleted by the author, or rejected. Figures leave late comments out, removed or not.
select
    coalesce(kept.article_id, posted.article_id) as article_id,
    kept.comments_submitted as counted,
    coalesce(posted.comments, 0) as posted,
    kept.deleted_by_author as counted_as_deleted,
    coalesce(posted.deleted, 0) as deleted,
    abuse.rejected as counted_as_rejected,
    coalesce(posted.rejected, 0) as rejected
from metrics.article_engagement as kept
left join metrics.article_abuse as abuse on abuse.article_id = kept.article_id
full join (
    select
        comment.article_id,
        count(*) as comments,
        count(*) filter (where comment.deleted_at is not null and in_time.found) as deleted,
        count(*) filter (
            where comment.deleted_at is null and comment.decision = 'rejected' and in_time.found
        ) as rejected
    from discussion.comments as comment
    left join discussion.windows as placed on placed.article_id = comment.article_id
    -- Asked of the few that were removed: it may have to look at intervals.
    cross join lateral (
        select
            case
                when comment.deleted_at is not null or comment.decision = 'rejected'
                    then discussion.in_time(
                        comment.article_id,
                        placed.opens_at,
                        placed.closes_at,
                        placed.has_gaps,
                        comment.posted_at
                    )
            end as found
    ) as in_time
    where comment.posted_at is not null
    group by comment.article_id
) as posted on posted.article_id = kept.article_id
where (kept.comments_submitted, kept.deleted_by_author, abuse.rejected)
    is distinct from (
        coalesce(posted.comments, 0), coalesce(posted.deleted, 0), coalesce(posted.rejected, 0)
    )
    and not exists (
        select from ingest.dirty_articles as mark
        where mark.article_id = coalesce(kept.article_id, posted.article_id)
    )
