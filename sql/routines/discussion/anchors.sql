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
        last_change.article_id,
        last_change.anchor,
        last_change.site,
        last_change.section,
        rule.rule_id,
        rule.window_hours,
        rule.reactions_window_hours
    from (
        select distinct on (change.article_id)
            change.article_id,
            change.anchor,
            change.site,
            change.section
        from discussion.anchor_changes(in_articles) as change
        order by change.article_id, change.version desc
    ) as last_change
    left join lateral (
        select candidate.rule_id, candidate.window_hours, candidate.reactions_window_hours
        from discussion.closing_rules as candidate
        where candidate.valid_from <= last_change.anchor
            and (candidate.site is null or candidate.site = last_change.site)
            and (candidate.section is null or candidate.section = last_change.section)
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
'Anchor, site and section of the version that set it (discussion.anchor_changes), and the rule in '
'force. No row for an article without a publication time.';

grant execute on function discussion.anchors to btl_scheduler, btl_moderator;
