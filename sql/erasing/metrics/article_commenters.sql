-- Purpose: put the pseudonym in place of a person in metrics.article_commenters, where no later
--   comment of the id is left, and mark the days for the counts of people by parts
--   (metrics.daily_commenters): id and pseudonym may belong to different parts.
-- Parameters: article_ids; person; pseudonym. Result: one row per row changed. Grain: one row per
--   article and day. Re-run: safe; what is changed is not found again.
with wiped as (
    update metrics.article_commenters as commenters
    set
        people = array(
            select distinct
                (case author.id when %(person)s then %(pseudonym)s else author.id end) collate "C"
            from unnest(commenters.people) as author (id)
            order by 1
        )
    where commenters.article_id = any(%(article_ids)s)
        and %(person)s::text = any(commenters.people)
        and not exists (
            select from discussion.comments as comment
            where comment.article_id = commenters.article_id
                and comment.user_id = %(person)s
        )
    returning commenters.article_id, commenters.site, commenters.section, commenters.day
),

marked as (
    insert into ingest.dirty_days (site, section, day, parts)
    select distinct
        wiped.site,
        wiped.section,
        wiped.day,
        set_bit(
            set_bit(0::bit(64), metrics.people_part(%(person)s), 1),
            metrics.people_part(%(pseudonym)s),
            1
        )
    from wiped
    where wiped.site is not null
)

select wiped.article_id from wiped
