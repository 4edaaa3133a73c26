-- What metrics.reporter_accuracy says of the given reporters; see definitions.yaml beside it. A
-- round belongs to one article and one reporter, so that the sum over metrics.article_reporters is
-- what the base tables say.
-- Parameters: user_ids. Grain: one row per signed-in reporter. Reads only.
select
    reporter.user_id,
    count(*) as articles,
    sum(reporter.reports) as reports,
    sum(reporter.upheld) as upheld,
    sum(reporter.dismissed) as dismissed,
    sum(reporter.ignored) as ignored,
    sum(reporter.duplicates) as duplicates,
    sum(reporter.void) as void,
    sum(reporter.open_reports) as open_reports,
    case
        when sum(reporter.upheld + reporter.dismissed) >= 5
            then sum(reporter.upheld)::double precision / sum(reporter.upheld + reporter.dismissed)
    end as accuracy
from metrics.article_reporters as reporter
where reporter.user_id = any(%(user_ids)s)
group by reporter.user_id
