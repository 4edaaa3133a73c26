-- Ids that differ from another id only by their normal form of Unicode.
-- Parameters: none.
-- Grain: one row per id that is not in the normal form NFC: what it is the id of. Reads only.
select
    other_form.what,
    other_form.text,
    other_form.file,
    other_form.within
from other_forms as other_form
where exists (
    select 1
    from other_forms as another
    where another.what = other_form.what
        and another.article_id = other_form.article_id
        and another.normal_text = other_form.normal_text
        and another.text != other_form.text
)
or (
    other_form.what = 'article'
    and (
        exists (
            select 1 from articles as article where article.article_id = other_form.normal_text
        )
        or exists (
            select 1 from comments as comment where comment.article_id = other_form.normal_text
        )
    )
)
or (
    other_form.what = 'comment'
    and exists (
        select 1
        from comments as comment
        where comment.article_id = other_form.article_id
            and comment.comment_id = other_form.normal_text
    )
)
or (
    other_form.what = 'person'
    and exists (
        select 1 from people as person where person.user_id = other_form.normal_text
    )
)
order by other_form.what, other_form.text
