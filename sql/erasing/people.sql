-- Purpose: every id of a person of one kind that the tables hold, so that those of erasures whose
--   ids are not known (imported ones) are found by their pseudonyms.
-- Parameters: kind (user or reporter). Grain: one row per id. Reads whole tables. Re-run: safe;
--   reads only.
select comment.user_id
from discussion.comments as comment
where %(kind)s = 'user' and comment.user_id is not null
union
select report.reporter_user_id
from discussion.reports as report
where %(kind)s = 'user' and report.reporter_user_id is not null
union
select reaction.user_id
from discussion.reactions as reaction
where %(kind)s = 'user'
union
select report.reporter_anonymous_id
from discussion.reports as report
where %(kind)s = 'reporter' and report.reporter_anonymous_id is not null
