-- Purpose: which records that are rejected are about comments or reports that are erased.
-- Parameters: numbers, article_ids, texts (arrays of equal length): each record by a number, its
--   key, and each text of it that may be an id.
-- Result: number; erased_at (the latest). Grain: one row per record and table that has one.
-- Re-run: safe; it only reads.
with given as (
    select each.*
    from unnest(
        %(numbers)s::integer[], %(article_ids)s::text[], %(texts)s::text[]
    ) as each (number, article_id, text)
)

select
    given.number,
    max(comment.erased_at) as erased_at
from given
inner join discussion.comments as comment
    on given.article_id = comment.article_id and given.text = comment.comment_id
where comment.erased_at is not null
group by given.number
union all
select
    given.number,
    max(report.erased_at) as erased_at
from given
inner join given as other on given.number = other.number
inner join discussion.reports as report
    on given.article_id = report.article_id
        and given.text = report.comment_id
        and other.text = report.report_id
where report.erased_at is not null
group by given.number;
