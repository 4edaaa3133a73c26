-- Purpose: take a person out of metrics.article_reporters, where no later report of the id is left.
--   These articles are marked by the wiping of their reports: the next run adds the pseudonym.
-- Parameters: person; limit. Result: one row per row removed. Grain: one row per article. Re-run:
--   safe; what is removed is not found again.
delete from metrics.article_reporters as reporter
where (reporter.article_id, reporter.user_id) in (
    select known.article_id, known.user_id
    from metrics.article_reporters as known
    where known.user_id = %(person)s
        and not exists (
            select from discussion.reports as report
            where report.article_id = known.article_id
                and report.reporter_user_id = %(person)s
        )
    order by known.article_id
    limit %(limit)s
)
returning reporter.article_id
