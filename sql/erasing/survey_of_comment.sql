-- Purpose: what the erasure of one comment would wipe, by place: how many rows, and the keys of
--   some of them. Never texts, nor ids of people.
-- Parameters: article_id; comment_id; erased_at; until (versions of events up to erased_at are
--   less); examples (number of keys of each place).
-- Grain: one row per place that has any, in the order of wiping. Re-run: safe; reads only.
with edits as (
    select edit.article_id, edit.source, edit.event_id, edit.body
    from discussion.comment_edits as edit
    where edit.article_id = %(article_id)s
        and edit.comment_id = %(comment_id)s
        and edit.occurred_at <= %(erased_at)s
),

theirs as (
    select comment.article_id, comment.comment_id
    from discussion.comments as comment
    where comment.article_id = %(article_id)s
        and comment.comment_id = %(comment_id)s
        and (
            comment.posted_version < %(until)s
            or exists (select from edits)
        )
        and (
            (comment.first_body != '' and comment.posted_version < %(until)s)
            or (comment.edited_body != '' and comment.edited_version < %(until)s)
        )
),

touched as (
    select
        1 as number,
        'discussion.comments' as place,
        jsonb_build_object('article_id', article_id, 'comment_id', comment_id) as key
    from theirs
    union all
    select
        2,
        'discussion.comment_edits',
        jsonb_build_object('article_id', article_id, 'source', source, 'event_id', event_id)
    from edits
    where body != ''
    union all
    select
        3,
        'discussion.report_decisions',
        jsonb_build_object('article_id', article_id, 'source', source, 'event_id', event_id)
    from discussion.report_decisions
    where article_id = %(article_id)s
        and comment_id = %(comment_id)s
        and occurred_at <= %(erased_at)s
        and explanation is not null
        and exists (select from theirs)
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
