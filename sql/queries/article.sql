-- Purpose: all figures of one article, as JSON by table. Parameters: article_id.
-- Grain: one row; none if no run has computed the article. Re-run: reads only.
select
    to_jsonb(known) as article,
    to_jsonb(written) as article_engagement,
    to_jsonb(reported) as article_abuse,
    (
        select
            coalesce(
                jsonb_agg(
                    to_jsonb(by_reason) order by by_reason.reports desc, by_reason.reason
                ),
                '[]'
            )
        from metrics.article_abuse_reasons as by_reason
        where by_reason.article_id = written.article_id
    ) as article_abuse_reasons
from metrics.article_engagement as written
left join metrics.article_abuse as reported on reported.article_id = written.article_id
left join metrics.articles as known on known.article_id = written.article_id
where written.article_id = %(article_id)s
