-- weight and urgency_key of metrics.open_reports: of the given articles' comments, and of those
-- that the given reporters reported; see definitions.yaml beside it. Summed as numeric: a sum of
-- doubles depends on the order of the reporters.
-- Parameters: articles, user_ids. Grain: one row per comment with an open round. Reads only.
select
    weighed.article_id,
    weighed.comment_id,
    weighed.weight,
    24 * weighed.severity * weighed.weight
    - coalesce(extract(epoch from weighed.visible_since)::double precision / 3600, 0) as urgency_key
from (
    select
        concerned.article_id,
        concerned.comment_id,
        concerned.severity,
        concerned.visible_since,
        (
            0.5 * (concerned.unique_reporters - cardinality(concerned.signed_in_reporters))
            + coalesce(
                sum(0.5 + coalesce(known.accuracy::numeric, 0.5))
                    filter (where reporter.user_id is not null),
                0
            )
        )::double precision as weight
    from metrics.open_reports as concerned
    left join lateral unnest(concerned.signed_in_reporters) as reporter (user_id) on true
    left join metrics.reporter_accuracy as known on known.user_id = reporter.user_id
    where
        concerned.article_id = any(%(articles)s)
        or concerned.signed_in_reporters && %(user_ids)s::text[]
    group by concerned.article_id, concerned.comment_id
) as weighed
