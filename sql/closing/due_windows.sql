-- Windows that are due by the clock up to the cut-off, the longest due first.
-- Parameters: cut_off, bucket (at most this many). Grain: one row per article. Reads only.
select due.article_id
from discussion.windows as due
where due.due_at <= %(cut_off)s
order by due.due_at
limit %(bucket)s
