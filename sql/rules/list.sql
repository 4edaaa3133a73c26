-- All closing rules. Each is in force for the articles of its scope whose anchor is at or after
-- valid_from (null: from the beginning) and before valid_until (null: without end), unless a
-- narrower scope has a rule of its own.
-- Parameters: none.
-- Grain: one row per rule, by scope from wide to narrow, then by precedence. Reads only.
with succession as (
    select
        rule.*,
        lead(rule.valid_from, 1, 'infinity') over (
            partition by rule.site, rule.section
            order by rule.valid_from, rule.created_at, rule.rule_id
        ) as superseded_from
    from discussion.closing_rules as rule
)

select
    succession.rule_id,
    succession.scope,
    succession.site,
    succession.section,
    succession.window_hours,
    succession.reactions_window_hours,
    nullif(succession.valid_from, '-infinity') as valid_from,
    case
        when succession.superseded_from not in ('infinity', '-infinity')
            then succession.superseded_from
    end as valid_until,
    succession.created_at,
    succession.created_by,
    succession.note,
    succession.retroactive,
    case
        when succession.superseded_from = succession.valid_from then 'superseded'
        when succession.valid_from > statement_timestamp() then 'not yet in force'
        when succession.superseded_from <= statement_timestamp()
            then 'superseded for later articles'
        else 'in force'
    end as standing
from succession
order by
    succession.section nulls first,
    succession.site nulls first,
    succession.valid_from,
    succession.created_at,
    succession.rule_id
