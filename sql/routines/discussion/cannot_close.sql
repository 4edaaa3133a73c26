-- Discussions that accept comments and have no end. Columns: sql/metrics/cannot_close.
create or replace view discussion.cannot_close as
select
    endless.article_id,
    closing_window.opens_at,
    endless.reason,
    endless.since,
    case endless.reason
        when 'reopen' then 'reopened without an end: needs a close, an extend or a clear'
        else 'no event tells when it was published: needs one with published_at, or a close'
    end as explanation,
    endless.decided_by,
    endless.decision_reason,
    closing_window.changed_at as found_at,
    article.site,
    article.section,
    article.headline,
    article.url
from discussion.endless_discussions() as endless
inner join discussion.windows as closing_window on closing_window.article_id = endless.article_id
left join discussion.articles as article on article.article_id = endless.article_id;

grant select on discussion.cannot_close to btl_scheduler, btl_moderator;
