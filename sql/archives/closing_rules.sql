-- Purpose: the closing rules for an archive, as JSON.
-- Parameters: site: only its rules and those of all sites; null: all rules.
-- Grain: one object per rule, with all columns, in the order of rule_id.
-- Re-run: safe; it only reads.
select row_to_json(kept) as line
from (
    select
        rule.rule_id,
        rule.scope,
        rule.site,
        rule.section,
        rule.window_hours,
        rule.reactions_window_hours,
        rule.valid_from,
        rule.created_at,
        rule.created_by,
        rule.note,
        rule.retroactive
    from discussion.closing_rules as rule
    where
        %(site)s::text is null
        or rule.site is null
        or rule.site = %(site)s
    order by rule.rule_id
) as kept
