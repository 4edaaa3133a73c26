-- Purpose: put the pseudonym in place of a person in metrics.open_reports, where no later report of
--   the id is left. These articles are marked by the wiping of their reports.
-- Parameters: person; pseudonym; limit. Result: one row per row changed. Grain: one row per
--   comment with open reports. Re-run: safe; what is changed is not found again.
update metrics.open_reports as waiting
set
    signed_in_reporters = array(
        select distinct
            case reporter.id when %(person)s then %(pseudonym)s else reporter.id end as id
        from unnest(waiting.signed_in_reporters) as reporter (id)
        order by id
    )
where (waiting.article_id, waiting.comment_id) in (
    select known.article_id, known.comment_id
    from metrics.open_reports as known
    where known.signed_in_reporters @> array[%(person)s::text]
        and not exists (
            select from discussion.reports as report
            where report.article_id = known.article_id
                and report.comment_id = known.comment_id
                and report.reporter_user_id = %(person)s
        )
    order by known.article_id, known.comment_id
    limit %(limit)s
)
returning waiting.comment_id
