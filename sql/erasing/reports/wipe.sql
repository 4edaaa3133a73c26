-- Purpose: take the reporter, the note and the law out of reports, and mark their articles.
-- Parameters: article_ids, comment_ids, report_ids, reported_versions (arrays of equal length;
--   version null: only erased_at rises); kind (user or reporter); pseudonym; erased_at.
-- Grain: one row per report. Re-run: safe; the same values again.
with wiped as (
    update discussion.reports as report
    set
        reporter_user_id = case %(kind)s
            when 'user' then %(pseudonym)s else report.reporter_user_id end,
        reporter_anonymous_id = case %(kind)s
            when 'reporter' then %(pseudonym)s else report.reporter_anonymous_id end,
        note = null,
        law = null,
        reported_version = coalesce(asked.reported_version, report.reported_version),
        erased_at = greatest(report.erased_at, %(erased_at)s)
    from unnest(
        %(article_ids)s::text[],
        %(comment_ids)s::text[],
        %(report_ids)s::text[],
        %(reported_versions)s::bytea[]
    ) as asked (article_id, comment_id, report_id, reported_version)
    where report.article_id = asked.article_id
        and report.comment_id = asked.comment_id
        and report.report_id = asked.report_id
    returning report.article_id
)

insert into ingest.dirty_articles (article_id)
select distinct wiped.article_id from wiped
