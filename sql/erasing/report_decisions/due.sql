-- Purpose: lock the decisions on reports that still have an explanation, where the report or its
--   comment is erased, in key order.
-- Parameters: article_ids, comment_ids, report_ids (arrays of equal length; report_id null: all
--   reports of the comment); pseudonym, erased_at (pseudonym null: an erasure of the comments
--   themselves, of which the table may have no posting); limit.
-- Result: key and version. Grain: one row per decision. Re-run: safe; what is wiped is not found
--   again.
select decision.article_id, decision.source, decision.event_id, decision.digest, decision.version
from (
    select distinct * from unnest(
        %(article_ids)s::text[], %(comment_ids)s::text[], %(report_ids)s::text[]
    )
) as asked (article_id, comment_id, report_id)
inner join discussion.report_decisions as decision
    on decision.article_id = asked.article_id
        and decision.comment_id = asked.comment_id
        and decision.report_id = coalesce(asked.report_id, decision.report_id)
left join discussion.comments as comment
    on comment.article_id = decision.article_id and comment.comment_id = decision.comment_id
left join discussion.reports as report
    on report.article_id = decision.article_id
        and report.comment_id = decision.comment_id
        and report.report_id = decision.report_id
where
    decision.occurred_at <= greatest(
        comment.erased_at,
        report.erased_at,
        case when %(pseudonym)s::text is null then %(erased_at)s::timestamptz end
    )
    and decision.explanation is not null
order by decision.article_id, decision.source, decision.event_id, decision.digest
limit %(limit)s
for update of decision
