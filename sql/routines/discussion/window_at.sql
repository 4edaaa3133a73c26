-- One simple query, so that the planner writes it into the calling statement.
create or replace function discussion.window_at(
    in_accepted_during tstzmultirange,
    in_anchor timestamptz,
    in_is_accepted boolean,
    in_cut_off timestamptz
) returns table (
    open_during tstzmultirange,
    closes_at timestamptz,
    closed_at timestamptz,
    state text,
    has_gaps boolean
)
language sql immutable
as $$
    select
        clipped.open_during,
        case when isempty(clipped.open_during) then in_anchor else upper(clipped.open_during) end,
        coalesce(
            (
                select max(upper(opened.during))
                from unnest(clipped.open_during) as opened (during)
                where upper(opened.during) <= in_cut_off
            ),
            case when not in_is_accepted then in_anchor end
        ),
        case
            when not in_is_accepted then 'closed'
            when upper_inf(clipped.open_during) then 'cannot_close'
            else 'open'
        end,
        case
            when isempty(clipped.open_during) then in_anchor is null
            else
                clipped.open_during != multirange(range_merge(clipped.open_during))
                or lower(clipped.open_during) is distinct from in_anchor
        end
    from (
        select
            coalesce(in_accepted_during, '{}')
            * tstzmultirange(tstzrange(in_anchor, null)) as open_during
    ) as clipped
$$;

comment on function discussion.window_at is
'The window of an article. Parameters: during which times its timeline accepts comments, its '
'anchor, whether comments are accepted at the cut-off, and the cut-off. Columns as in '
'discussion.windows; open_during has the intervals of discussion.window_intervals. The only '
'definition: closing runs and explanations use it.';

grant execute on function discussion.window_at to btl_scheduler, btl_moderator;
