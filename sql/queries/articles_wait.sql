-- Purpose: whether figures of articles are not computed yet, for `btl top`, which finds none then.
-- Parameters: none. Grain: one row. Re-run: reads only.
select freshness.articles_wait_since is not null as wait
from metrics.freshness as freshness
