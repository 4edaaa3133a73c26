-- Windows that change by the clock alone up to the cut-off, longest due first.
-- Parameters: cut_off, bucket (at most this many). Grain: one row per article. Reads only.
select due.article_id
from discussion.windows as due
where due.next_change_at <= %(cut_off)s
order by due.next_change_at
limit %(bucket)s
