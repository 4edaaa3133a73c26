-- Whether the quality gate blocks final figures. Reads only.
create or replace function metrics.blocked_since() returns timestamptz
language sql stable
as $$
    select min(run.checked_at)
    from (
        select
            result.checked_at,
            bool_or(result.severity = 'fail' and not result.success) as failed
        from metrics.quality_results as result
        where result.checked_at > now() - interval '7 days'
        group by result.checked_at
    ) as run
    where run.failed
        and run.checked_at > coalesce(
            (
                select max(good.checked_at)
                from (
                    select result.checked_at
                    from metrics.quality_results as result
                    where result.checked_at > now() - interval '7 days'
                    group by result.checked_at
                    having not bool_or(result.severity = 'fail' and not result.success)
                ) as good
            ),
            '-infinity'
        )
        -- A gate that no longer runs says nothing about today.
        and exists (
            select from metrics.quality_results as recent
            where recent.checked_at > now() - interval '1 day'
        )
$$;

comment on function metrics.blocked_since is
'Since when failing runs of the quality gate keep figures from becoming final: the first failed '
'run after the last good one, within seven days. Null: they do not. If the last run is older than '
'a day, nothing is blocked.';

grant execute on function metrics.blocked_since to btl_scheduler;
