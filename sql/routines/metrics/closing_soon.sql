-- Discussions that close within a day. Columns: sql/metrics/closing_soon.
create or replace view metrics.closing_soon as
select
    closing_window.article_id,
    article.headline,
    article.site,
    article.section,
    closing_window.closes_at,
    closing_window.closes_at - now() as closes_in,
    engagement.comments_published
from discussion.windows as closing_window
left join discussion.articles as article on article.article_id = closing_window.article_id
left join metrics.article_engagement as engagement
    on engagement.article_id = closing_window.article_id
where closing_window.state = 'open'
    and closing_window.closes_at > now()
    and closing_window.closes_at <= now() + interval '24 hours'
order by closing_window.closes_at, closing_window.article_id;

grant select on metrics.closing_soon to btl_reader, btl_moderator;
