-- The slow path of in_time, for windows with gaps. Runs as its owner, so that views can use it for
-- readers who may not read window_intervals.
create or replace function discussion.in_intervals(in_article_id text, in_at timestamptz)
returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from discussion.window_intervals as piece
        where piece.article_id = in_article_id
            and (piece.starts_at is null or piece.starts_at <= in_at)
            and (piece.ends_at is null or in_at < piece.ends_at)
    )
$$;

comment on function discussion.in_intervals is
'Whether the discussion was open at a time. For windows with gaps; see in_time.';

grant execute on function discussion.in_intervals to btl_scheduler, btl_moderator;
