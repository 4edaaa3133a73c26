-- A function of articles and not a view, so that windows, too, are looked up by the given articles.
-- With a view, the planner would choose between all windows and one look-up per comment.
create or replace function discussion.comment_standing(in_articles text[])
returns table (
    article_id text,
    comment_id text,
    user_id text,
    role text,
    parent_comment_id text,
    posted_at timestamptz,
    held boolean,
    deleted_at timestamptz,
    erased_at timestamptz,
    decision text,
    decided_at timestamptz,
    first_approved_at timestamptz,
    in_time boolean,
    published boolean,
    visible boolean,
    erased boolean,
    first_visible_at timestamptz
)
language sql stable
as $$
    select
        standing.article_id,
        standing.comment_id,
        standing.user_id,
        standing.role,
        standing.parent_comment_id,
        standing.posted_at,
        standing.held,
        standing.deleted_at,
        standing.erased_at,
        standing.decision,
        standing.decided_at,
        standing.first_approved_at,
        standing.in_time,
        standing.in_time and (not standing.held or standing.first_approved_at is not null),
        standing.in_time
        and (not standing.held or standing.first_approved_at is not null)
        and standing.decision is distinct from 'rejected'
        and standing.deleted_at is null
        and standing.erased_at is null,
        standing.in_time
        and (not standing.held or standing.first_approved_at is not null)
        and standing.decision is distinct from 'rejected'
        and standing.deleted_at is null
        and standing.erased_at is not null,
        case when standing.held then standing.first_approved_at else standing.posted_at end
    from (
        select
            comment.article_id,
            comment.comment_id,
            comment.user_id,
            comment.role,
            comment.parent_comment_id,
            comment.posted_at,
            coalesce(comment.held, false) as held,
            comment.deleted_at,
            discussion.posting_erased_at(comment.posted_version, comment.erased_at) as erased_at,
            comment.decision,
            comment.decided_at,
            case
                when comment.held then (
                    select min(approval.decided_at)
                    from discussion.moderation_decisions as approval
                    where approval.article_id = comment.article_id
                        and approval.comment_id = comment.comment_id
                        and approval.decision = 'approved'
                )
            end as first_approved_at,
            discussion.in_time(
                comment.article_id,
                closing_window.opens_at,
                closing_window.closes_at,
                closing_window.has_gaps,
                comment.posted_at
            ) as in_time
        from discussion.comments as comment
        left join (
            select known.article_id, known.opens_at, known.closes_at, known.has_gaps
            from discussion.windows as known
            where known.article_id = any(in_articles)
        ) as closing_window on closing_window.article_id = comment.article_id
        where comment.article_id = any(in_articles) and comment.posted_at is not null
    ) as standing
$$;

comment on function discussion.comment_standing is
'What each posted comment of the given articles counts as: the one definition. in_time: posted '
'while the discussion accepted comments, or before it opened. published: in time, and not held or '
'approved at least once. visible: published, and now neither rejected nor deleted nor erased. '
'erased: else it would be visible. erased_at is set for every erased comment. '
'first_approved_at is set for held comments. first_visible_at is null if readers never saw it.';

grant execute on function discussion.comment_standing to btl_scheduler, btl_moderator;
