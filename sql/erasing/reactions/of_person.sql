-- Purpose: the reactions of a person. Found by the index reactions_by_user: it names parts of the
--   table, which are read.
-- Parameters: person; until (versions of events up to the erasure are less). Grain: one row per
--   reaction, in key order. Re-run: safe; reads only.
select reaction.article_id, reaction.comment_id, reaction.reaction
from discussion.reactions as reaction
where reaction.user_id = %(person)s
    and reaction.state_version < %(until)s
order by reaction.article_id, reaction.comment_id, reaction.reaction
