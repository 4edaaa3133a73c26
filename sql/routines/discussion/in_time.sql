-- Without a subquery, so that the planner writes it into the calling statement: one comparison for
-- nearly every comment.
create or replace function discussion.in_time(
    in_article_id text,
    in_opens_at timestamptz,
    in_closes_at timestamptz,
    in_has_gaps boolean,
    in_at timestamptz
) returns boolean
language sql stable
as $$
    select case
        when in_at is null then null
        when in_has_gaps is null then true
        when in_at < in_opens_at then true
        when in_has_gaps then discussion.in_intervals(in_article_id, in_at)
        when in_closes_at is null then true
        else in_at < in_closes_at
    end
$$;

comment on function discussion.in_time is
'Whether in_at is in time, given the columns of the article''s row in discussion.windows (all '
'null: no row). Everything before opens_at is in time, and everything while no window is known. '
'Null where in_at is: what has no posting is neither in time nor late.';

grant execute on function discussion.in_time to btl_scheduler, btl_moderator;
