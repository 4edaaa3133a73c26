-- Purpose: how the reports below an article ended, for `btl discussion`.
-- Parameters: article.
-- Grain: one row per outcome (upheld, dismissed, ignored, duplicate, void or open): the number of
--   rounds. Re-run: safe; it only reads.
select rounds.outcome, count(*) as reports
from discussion.report_rounds(array[%(article)s]) as rounds
group by rounds.outcome
order by array_position(
    array['open', 'upheld', 'dismissed', 'ignored', 'duplicate', 'void'], rounds.outcome
)
