-- Purpose: take a person out of metrics.reporter_accuracy, and out of the marks of reporters, if
--   the id is left in no article. If it is, because a new person has it, it is computed again.
-- Parameters: person; article_reporters has been wiped. Result: one row per row removed.
-- Grain: one person. Re-run: safe; what is removed is not found again.
with left_over as (
    select from metrics.article_reporters as reporter where reporter.user_id = %(person)s limit 1
),

unmarked as (
    delete from ingest.dirty_reporters as mark
    where mark.user_id = %(person)s
        and not exists (select from left_over)
),

marked as (
    insert into ingest.dirty_reporters (user_id)
    select %(person)s from left_over
)

delete from metrics.reporter_accuracy as accuracy
where accuracy.user_id = %(person)s
    and not exists (select from left_over)
returning accuracy.user_id
