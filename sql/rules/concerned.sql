-- Articles for which a rule is the one in force.
-- Parameters: rule_id, after (the last article id of the bucket before; empty: the first bucket),
-- bucket (how many windows to read).
-- Grain: one row per window that the rule may concern, in order of article id; is_in_force says
-- whether it does. Reads only.
with candidate as materialized (
    select closing_window.article_id
    from discussion.windows as closing_window
    inner join discussion.closing_rules as rule on rule.rule_id = %(rule_id)s
    where closing_window.opens_at >= rule.valid_from
        and (rule.site is null or closing_window.site = rule.site)
        and (rule.section is null or closing_window.section = rule.section)
        and closing_window.article_id > %(after)s
    order by closing_window.article_id
    limit %(bucket)s
)

select candidate.article_id, coalesce(anchors.rule_id = %(rule_id)s, false) as is_in_force
from candidate
left join discussion.anchors(array(select listed.article_id from candidate as listed)) as anchors
    on anchors.article_id = candidate.article_id
order by candidate.article_id
