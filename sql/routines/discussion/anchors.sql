-- The anchor of each article, and the rule that its window follows. Reads only.
create or replace function discussion.anchors(in_articles text[])
returns table (
    article_id text,
    anchor timestamptz,
    site text,
    section text,
    rule_id bigint,
    window_hours integer,
    reactions_window_hours integer
)
language sql stable
as $$
    select
        first_version.article_id,
        first_version.published_at,
        first_version.site,
        first_version.section,
        rule.rule_id,
        rule.window_hours,
        rule.reactions_window_hours
    from (
        select distinct on (version.article_id)
            version.article_id,
            version.published_at,
            coalesce(version.site, 'default') as site,
            version.section
        from discussion.article_versions as version
        where version.article_id = any(in_articles)
            and version.event_type in ('published', 'updated')
            and version.published_at is not null
        order by version.article_id, version.published_at, version.version
    ) as first_version
    left join lateral (
        select candidate.rule_id, candidate.window_hours, candidate.reactions_window_hours
        from discussion.closing_rules as candidate
        where candidate.valid_from <= first_version.published_at
            and (candidate.site is null or candidate.site = first_version.site)
            and (candidate.section is null or candidate.section = first_version.section)
        order by
            (candidate.section is not null) desc,
            (candidate.site is not null) desc,
            candidate.valid_from desc,
            candidate.created_at desc,
            candidate.rule_id desc
        limit 1
    ) as rule on true
$$;

comment on function discussion.anchors is
'Anchor (least published_at), site and section of the version that gave it, and the rule in force. '
'No row for an article without a publication time.';

grant execute on function discussion.anchors to btl_scheduler, btl_moderator;
