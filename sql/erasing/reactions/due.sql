-- Purpose: lock, of some reactions, those that are still under the person's id, in key order.
-- Parameters: article_ids, comment_ids, reactions (arrays of equal length); person; until (versions
--   of events up to the erasure are less); limit.
-- Result: key without the person, and version. Grain: one row per reaction. Re-run: safe; what is
--   wiped is not found again.
select reaction.article_id, reaction.comment_id, reaction.reaction, reaction.state_version
from discussion.reactions as reaction
where
    (reaction.article_id, reaction.comment_id, reaction.reaction) in (
        select * from unnest(
            %(article_ids)s::text[], %(comment_ids)s::text[], %(reactions)s::text[]
        )
    )
    and reaction.user_id = %(person)s
    and reaction.state_version < %(until)s
order by reaction.article_id, reaction.comment_id, reaction.reaction
limit %(limit)s
for update
