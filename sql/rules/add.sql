-- Adds a closing rule; a trigger marks the windows that it may change.
-- Parameters: scope, site, section, window_hours, reactions_window_hours, valid_from (null: from
-- now on), created_by, note, retroactive (may valid_from be in the past?).
-- Grain: the new rule; no row if valid_from is in the past and retroactive is false.
-- Safe to re-run: it adds another rule that says the same, which is harmless.
with clock as materialized (
    select clock_timestamp() as now
)

insert into discussion.closing_rules (
    scope, site, section, window_hours, reactions_window_hours, valid_from, created_at, created_by,
    note, retroactive
)
select
    %(scope)s,
    %(site)s,
    %(section)s,
    %(window_hours)s,
    %(reactions_window_hours)s,
    coalesce(%(valid_from)s::timestamptz, clock.now),
    clock.now,
    %(created_by)s,
    %(note)s,
    coalesce(%(valid_from)s::timestamptz < clock.now, false)
from clock
where %(retroactive)s or coalesce(%(valid_from)s::timestamptz >= clock.now, true)
returning
    rule_id, scope, site, section, window_hours, reactions_window_hours,
    nullif(valid_from, '-infinity') as valid_from, created_at, created_by, note, retroactive
