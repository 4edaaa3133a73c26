-- How right reporters are, without their ids. Columns: sql/metrics/reporter_distribution.
create or replace view metrics.reporter_distribution as
select
    banded.accuracy_from,
    count(*)::integer as reporters,
    sum(banded.reports)::integer as reports,
    sum(banded.upheld)::integer as upheld,
    sum(banded.dismissed)::integer as dismissed
from (
    select
        -- least() passes over null, so that it would rank an unknown accuracy with the best.
        case
            when reporter.accuracy is not null then least(9, floor(reporter.accuracy * 10)) / 10
        end as accuracy_from,
        reporter.reports,
        reporter.upheld,
        reporter.dismissed
    from metrics.reporter_accuracy as reporter
) as banded
group by banded.accuracy_from
order by banded.accuracy_from;

grant select on metrics.reporter_distribution to btl_reader, btl_moderator;
