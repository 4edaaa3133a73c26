-- The timeline of an article, with the event that decides in each piece. Parameters: article.
-- Grain: one row per piece, in order of time, from the beginning to the end of it. Reads only.
select piece.starts_at, piece.ends_at, piece.accepted, piece.cause, piece.deciding_event
from discussion.decided_timeline(array[%(article)s]) as piece
order by piece.starts_at nulls first
