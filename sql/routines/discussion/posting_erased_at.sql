-- Without a subquery, so that the planner writes it into the calling statement: one comparison with
-- null for nearly every comment.
create or replace function discussion.posting_erased_at(
    in_posted_version bytea, in_erased_at timestamptz
) returns timestamptz
language sql stable
as $$
    select case
        when in_erased_at is not null and ingest.occurred_at(in_posted_version) <= in_erased_at
            then in_erased_at
    end
$$;

comment on function discussion.posting_erased_at is
'Up to when a comment is erased, given posted_version and erased_at of its row: the one definition '
'of an erased comment. Null: it is not erased, has no posting yet, or was posted later, which an '
'erasure leaves alone.';

grant execute on function discussion.posting_erased_at to btl_scheduler, btl_moderator;
