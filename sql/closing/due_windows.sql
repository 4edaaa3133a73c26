-- Windows that a closing run must look at by the clock alone up to the cut-off, longest due first.
-- Parameters: cut_off, bucket (at most this many). Grain: one row per article. Reads only.
select due.article_id
from discussion.windows as due
where due.due_at <= %(cut_off)s
order by due.due_at
limit %(bucket)s
