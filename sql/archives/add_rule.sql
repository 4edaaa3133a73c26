-- Purpose: add a closing rule of an archive under its own number; a trigger marks the windows that
--   it may change.
-- Parameters: the columns of discussion.closing_rules, all as text.
-- Grain: the rule. Re-run: safe; a number that is taken is left alone.
insert into discussion.closing_rules (
    rule_id, scope, site, section, window_hours, reactions_window_hours, valid_from, created_at,
    created_by, note, retroactive
)
overriding system value
values (
    %(rule_id)s,
    %(scope)s,
    %(site)s,
    %(section)s,
    %(window_hours)s,
    %(reactions_window_hours)s,
    %(valid_from)s::timestamptz,
    %(created_at)s::timestamptz,
    %(created_by)s,
    %(note)s,
    %(retroactive)s
)
on conflict (rule_id) do nothing
