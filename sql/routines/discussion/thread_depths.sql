-- Purpose: the depth of every comment of one discussion: the number of distinct posted comments met
--   walking up, itself included, plus one if the walk ends at a parent without a posting. The one
--   definition, for discussion_thread and max_depth; sql/metrics/stage/depths.sql comes to the same
--   without it where threads are ordinary, for many articles at once.
-- Parameters: in_parents, of posted comments numbered from 1: the number of the parent; 0: it has
--   none; -1: the parent has no posting. Grain: an array of depths by the same numbers. Re-run:
--   reads nothing. A loop, because each comment is visited once however deep the thread and
--   whatever circles there are.
create or replace function discussion.thread_depths(in_parents integer[]) returns integer[]
language plpgsql immutable strict parallel safe
as $$
declare
    parents integer[] := in_parents;
    depths integer[] := array_fill(0, array[cardinality(parents)]);
    way integer[] := depths;
    met integer;
    at integer;
    depth integer;
begin
    for start in 1 .. cardinality(parents) loop
        -- Walk up to a comment of known depth, to the top, or into the walk itself. While it lasts,
        -- a comment has as its depth the place at which it was met, below zero.
        met := 0;
        at := start;
        while at > 0 and depths[at] = 0 loop
            met := met + 1;
            way[met] := at;
            depths[at] := -met;
            at := parents[at];
        end loop;
        depth := case when at > 0 then depths[at] else -at end;
        -- A circle: its members are all that was met since.
        if depth < 0 then
            at := -depth;
            depth := met - at + 1;
            while met >= at loop
                depths[way[met]] := depth;
                met := met - 1;
            end loop;
        end if;
        -- And down again.
        while met > 0 loop
            depth := depth + 1;
            depths[way[met]] := depth;
            met := met - 1;
        end loop;
    end loop;
    return depths;
end
$$;

comment on function discussion.thread_depths is
'Depths of the comments of one discussion. The only definition. in_parents: for each posted '
'comment the number of its parent, 0 without one, -1 if the parent has no posting. Depth: the '
'distinct posted comments met walking up, itself included, plus one if the walk ends at a parent '
'without a posting.';

grant execute on function discussion.thread_depths to btl_scheduler;
