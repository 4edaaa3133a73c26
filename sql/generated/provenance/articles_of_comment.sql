-- Purpose: the articles below which a comment of this id is known, if only from a report.
-- Reads whole tables, because keys begin with the article: name the article instead.
-- Parameters: comment_id. Grain: one row per article. Re-run: safe; reads only.
-- Made by `btl schemas sql --write` from below_the_line/event_tables/description.py.
select article_id from discussion.comments where comment_id = %(comment_id)s
union
select article_id from discussion.reports where comment_id = %(comment_id)s
union
select article_id from discussion.report_decisions where comment_id = %(comment_id)s
union
select article_id from discussion.reactions where comment_id = %(comment_id)s
order by article_id
