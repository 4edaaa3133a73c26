-- Purpose: put reactions under the pseudonym, and mark their articles. Where a replay has brought a
--   reaction under the pseudonym already, the two are joined register by register, as
--   sql/generated/merge/reactions.sql joins events.
-- Parameters: article_ids, comment_ids, reactions, versions (arrays of equal length; versions have
--   keyed digests); person; pseudonym. Grain: one row per reaction. Re-run: safe; nothing is left
--   under the person's id.
with moved as (
    delete from discussion.reactions as reaction
    using
        unnest(
            %(article_ids)s::text[],
            %(comment_ids)s::text[],
            %(reactions)s::text[],
            %(versions)s::bytea[]
        ) as asked (article_id, comment_id, reaction, version)
    where reaction.article_id = asked.article_id
        and reaction.comment_id = asked.comment_id
        and reaction.user_id = %(person)s
        and reaction.reaction = asked.reaction
    returning
        reaction.article_id,
        reaction.comment_id,
        reaction.reaction,
        reaction.is_on,
        asked.version,
        reaction.first_added_at
),

wiped as (
    insert into discussion.reactions as present (
        article_id, comment_id, user_id, reaction, is_on, state_version, first_added_at
    )
    select
        moved.article_id,
        moved.comment_id,
        %(pseudonym)s,
        moved.reaction,
        moved.is_on,
        moved.version,
        moved.first_added_at
    from moved
    order by moved.article_id, moved.comment_id, moved.reaction
    on conflict (article_id, comment_id, user_id, reaction) do update set
        is_on = case
            when ingest.supersedes(excluded.state_version, present.state_version)
            then excluded.is_on else present.is_on end,
        state_version = case
            when ingest.supersedes(excluded.state_version, present.state_version)
            then excluded.state_version else present.state_version end,
        first_added_at = case
            when ingest.precedes(excluded.first_added_at, present.first_added_at)
            then excluded.first_added_at else present.first_added_at end
    where
        ingest.supersedes(excluded.state_version, present.state_version)
        or ingest.precedes(excluded.first_added_at, present.first_added_at)
)

insert into ingest.dirty_articles (article_id)
select distinct moved.article_id from moved
