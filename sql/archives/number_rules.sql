-- Purpose: let the next closing rule be numbered after all that are there.
-- Parameters: none. Grain: one row with the last number.
-- Re-run: safe; the number only rises.
select
    setval(
        'discussion.closing_rules_rule_id_seq',
        greatest(
            (select sequence.last_value from discussion.closing_rules_rule_id_seq as sequence),
            (select max(rule.rule_id) from discussion.closing_rules as rule)
        )
    ) as last_number
