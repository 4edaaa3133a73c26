-- A view, so that the quality gate finds such rows without reading texts.
create or replace view discussion.erased_with_text as
select
    kept.place,
    kept.article_id,
    kept.comment_id,
    kept.report_id,
    kept.erased_at
from (
    select
        'comments' as place,
        comment.article_id,
        comment.comment_id,
        null as report_id,
        comment.erased_at
    from discussion.comments as comment
    where comment.erased_at is not null
        and (
            (
                ingest.occurred_at(comment.posted_version) <= comment.erased_at
                and (comment.display_name <> '' or comment.first_body <> '')
            )
            or (
                ingest.occurred_at(comment.edited_version) <= comment.erased_at
                and comment.edited_body <> ''
            )
        )
    union all
    select 'comment_edits', comment.article_id, comment.comment_id, null, comment.erased_at
    from discussion.comments as comment
    inner join discussion.comment_edits as edit
        on edit.article_id = comment.article_id
        and edit.comment_id = comment.comment_id
        and edit.occurred_at <= comment.erased_at
    where comment.erased_at is not null and edit.body <> ''
    union all
    select 'reports', report.article_id, report.comment_id, report.report_id, report.erased_at
    from discussion.reports as report
    where report.erased_at is not null
        and ingest.occurred_at(report.reported_version) <= report.erased_at
        and (report.note is not null or report.law is not null)
    union all
    select
        'report_decisions',
        decided.article_id,
        decided.comment_id,
        decided.report_id,
        greatest(comment.erased_at, report.erased_at)
    from discussion.report_decisions as decided
    left join discussion.comments as comment
        on comment.article_id = decided.article_id and comment.comment_id = decided.comment_id
    left join discussion.reports as report
        on report.article_id = decided.article_id
        and report.comment_id = decided.comment_id
        and report.report_id = decided.report_id
    where decided.explanation is not null
        and decided.occurred_at <= greatest(comment.erased_at, report.erased_at)
) as kept
where not exists (
    select from ingest.erasures as pending
    where pending.completed_at is null
);

comment on view discussion.erased_with_text is
'Rows that are erased, and yet have a text or a name of before. None while an erasure is being '
'carried out. Nobody but a hand, or a merge that forgets, makes one.';
comment on column discussion.erased_with_text.place is 'The table of schema discussion';
comment on column discussion.erased_with_text.article_id is 'The article';
comment on column discussion.erased_with_text.comment_id is 'The comment';
comment on column discussion.erased_with_text.report_id is 'The report; null: not about a report';
comment on column discussion.erased_with_text.erased_at is 'Up to when its texts are erased';

grant select on discussion.erased_with_text to btl_scheduler;
