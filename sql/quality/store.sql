-- Purpose: store the result of one expectation.
-- Parameters: the columns of metrics.quality_results. Grain: one row. Re-run: replaces that of the
--   same run and expectation.
insert into metrics.quality_results as kept (
    run_id, checked_at, suite, expectation, relation, column_name, severity, success, message, cure,
    unexpected, examples
)
values (
    %(run_id)s,
    %(checked_at)s,
    %(suite)s,
    %(expectation)s,
    %(relation)s,
    %(column_name)s,
    %(severity)s,
    %(success)s,
    %(message)s,
    %(cure)s,
    %(unexpected)s,
    %(examples)s::jsonb
)
on conflict (run_id, suite, expectation) do update
    set
        checked_at = excluded.checked_at,
        severity = excluded.severity,
        success = excluded.success,
        message = excluded.message,
        cure = excluded.cure,
        unexpected = excluded.unexpected,
        examples = excluded.examples
