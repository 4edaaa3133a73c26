-- A correction, and a version from before the anchor of then, replace the anchor; any other version
-- can only lower it. Versions lie in order of their times. So after a version that replaced nothing
-- only a correction does, and the anchor is the least time since the last version that replaced it.
-- Repetitions of the time before change nothing; leaving them out makes most articles one row.
create or replace function discussion.anchor_changes(in_articles text[])
returns table (
    article_id text,
    version bytea,
    anchor timestamptz,
    site text,
    section text,
    cause text
)
language sql stable
as $$
    select
        folded.article_id,
        folded.version,
        folded.anchor,
        folded.site,
        folded.section,
        case
            when folded.anchor_before is null then 'first'
            when folded.corrects then 'corrected'
            when folded.replaces then 'moved'
            else 'earlier'
        end
    from (
        select
            numbered.*,
            lag(numbered.anchor) over (
                partition by numbered.article_id order by numbered.version
            ) as anchor_before
        from (
            select
                replacing.*,
                min(replacing.published_at) over (
                    partition by replacing.article_id, replacing.replacements
                    order by replacing.version
                ) as anchor
            from (
                select
                    reached.*,
                    count(*) filter (where reached.replaces) over (
                        partition by reached.article_id order by reached.version
                    ) as replacements
                from (
                    select
                        changed.*,
                        bool_and(
                            changed.corrects
                            or changed.published_before is null
                            or changed.occurred_at < changed.published_before
                        ) over (
                            partition by changed.article_id, changed.corrections
                            order by changed.version
                        ) as replaces
                    from (
                        select
                            dated.*,
                            count(*) filter (where dated.corrects) over (
                                partition by dated.article_id order by dated.version
                            ) as corrections
                        from (
                            select
                                stored.article_id,
                                stored.version,
                                stored.occurred_at,
                                stored.published_at,
                                coalesce(stored.site, 'default') as site,
                                stored.section,
                                coalesce(stored.published_at_corrected, false) as corrects,
                                lag(stored.published_at) over (
                                    partition by stored.article_id order by stored.version
                                ) as published_before
                            from discussion.article_versions as stored
                            where stored.article_id = any(in_articles)
                                and stored.event_type in ('published', 'updated')
                                and stored.published_at is not null
                        ) as dated
                        where dated.corrects
                            or dated.published_at is distinct from dated.published_before
                    ) as changed
                ) as reached
            ) as replacing
        ) as numbered
    ) as folded
    where folded.anchor is distinct from folded.anchor_before
$$;

comment on function discussion.anchor_changes is
'Which versions set the anchor of each article, to what, and why: first; corrected '
'(published_at_corrected); moved (an embargo, before it was reached); earlier. The last one gives '
'the anchor. No row for an article without a publication time.';

grant execute on function discussion.anchor_changes to btl_scheduler, btl_moderator;
