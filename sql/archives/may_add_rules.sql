-- Purpose: whether this login may read closing rules and add some under numbers of their own.
-- Parameters: none. Grain: one row. Re-run: safe; it only reads.
select
    has_table_privilege('discussion.closing_rules', 'select')
    and has_table_privilege('discussion.closing_rules', 'insert')
    and has_sequence_privilege('discussion.closing_rules_rule_id_seq', 'update') as may_add
