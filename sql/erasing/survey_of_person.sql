-- Purpose: what the erasure of a person would wipe in the tables, by place: how many rows, and the
--   keys of some of them. Never texts, nor ids of people.
-- Parameters: kind (user or reporter); person; pseudonym; people (both); erased_at; until (versions
--   of events up to erased_at are less); examples (number of keys of each place).
-- Grain: one row per place that has any, in the order of wiping. Re-run: safe; reads only.
with theirs as materialized (
    select
        comment.article_id,
        comment.comment_id,
        comment.user_id = %(person)s
        or (comment.first_body != '' and comment.posted_version < %(until)s)
        or (comment.edited_body != '' and comment.edited_version < %(until)s) as is_due
    from discussion.comments as comment
    where %(kind)s = 'user'
        and comment.user_id = any(%(people)s)
        and comment.posted_version < %(until)s
),

reported as materialized (
    select
        report.article_id,
        report.comment_id,
        report.report_id,
        coalesce(report.reporter_user_id, report.reporter_anonymous_id) = %(person)s as is_due
    from discussion.reports as report
    where report.reported_version < %(until)s
        and (
            (%(kind)s = 'user' and report.reporter_user_id = any(%(people)s))
            or (%(kind)s = 'reporter' and report.reporter_anonymous_id = any(%(people)s))
        )
),

touched as (
    select
        1 as number,
        'discussion.comments' as place,
        jsonb_build_object('article_id', article_id, 'comment_id', comment_id) as key
    from theirs
    where is_due
    union all
    select
        2,
        'discussion.comment_edits',
        jsonb_build_object(
            'article_id', edit.article_id, 'source', edit.source, 'event_id', edit.event_id
        )
    from theirs
    inner join discussion.comment_edits as edit
        on edit.article_id = theirs.article_id and edit.comment_id = theirs.comment_id
    where edit.occurred_at <= %(erased_at)s and edit.body != ''
    union all
    select
        3,
        'discussion.reports',
        jsonb_build_object(
            'article_id', article_id, 'comment_id', comment_id, 'report_id', report_id
        )
    from reported
    where is_due
    union all
    select
        4,
        'discussion.report_decisions',
        jsonb_build_object(
            'article_id', decision.article_id,
            'source', decision.source,
            'event_id', decision.event_id
        )
    from (
        select theirs.article_id, theirs.comment_id, null as report_id from theirs
        union all
        select reported.article_id, reported.comment_id, reported.report_id
        from reported
        where (reported.article_id, reported.comment_id) not in (
            select theirs.article_id, theirs.comment_id from theirs
        )
    ) as erased
    inner join discussion.report_decisions as decision
        on decision.article_id = erased.article_id
            and decision.comment_id = erased.comment_id
            and decision.report_id = coalesce(erased.report_id, decision.report_id)
    where decision.occurred_at <= %(erased_at)s and decision.explanation is not null
    union all
    select
        5,
        'discussion.reactions',
        jsonb_build_object(
            'article_id', reaction.article_id,
            'comment_id', reaction.comment_id,
            'reaction', reaction.reaction
        )
    from discussion.reactions as reaction
    where %(kind)s = 'user'
        and reaction.user_id = %(person)s
        and reaction.state_version < %(until)s
    union all
    select 6, 'metrics.article_reporters', jsonb_build_object('article_id', article_id)
    from metrics.article_reporters
    where %(kind)s = 'user' and user_id = %(person)s
    union all
    select 7, 'metrics.reporter_accuracy', jsonb_build_object('accuracy', accuracy)
    from metrics.reporter_accuracy
    where %(kind)s = 'user' and user_id = %(person)s
    union all
    select
        8,
        'metrics.open_reports',
        jsonb_build_object('article_id', article_id, 'comment_id', comment_id)
    from metrics.open_reports
    where %(kind)s = 'user' and signed_in_reporters @> array[%(person)s::text]
    union all
    select
        9,
        'metrics.article_commenters',
        jsonb_build_object('article_id', article_id, 'day', day)
    from metrics.article_commenters
    where article_id in (select theirs.article_id from theirs)
        and %(person)s::text = any(people)
)

select
    numbered.place,
    count(*) as rows,
    jsonb_agg(numbered.key order by numbered.key)
        filter (where numbered.of_place <= %(examples)s) as examples
from (
    select
        touched.*,
        row_number() over (partition by touched.number order by touched.key) as of_place
    from touched
) as numbered
group by numbered.number, numbered.place
order by numbered.number
