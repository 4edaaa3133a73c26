-- `btl archive import` restores closing rules under their numbers.
grant select, update on sequence discussion.closing_rules_rule_id_seq to btl_scheduler;

-- Of two rules that hold from the beginning the one made later counts. The default rule was made by
-- the first `btl migrate`, which may be after a rule that an archive brings back. Now it comes
-- before every other rule, and is the same in every installation.
update discussion.closing_rules
set created_at = '1990-01-01T00:00:00Z'
where
    rule_id = 1
    and scope = 'all'
    and valid_from = '-infinity'
    and created_by = 'below-the-line';
