-- What Great Expectations may read of comments: it selects all columns of a relation.
create or replace view discussion.comment_roles as
select
    comment.article_id,
    comment.comment_id,
    comment.role
from discussion.comments as comment;

comment on view discussion.comment_roles is 'As whom each comment was written, without its text';
comment on column discussion.comment_roles.article_id is 'The article';
comment on column discussion.comment_roles.comment_id is 'The comment';
comment on column discussion.comment_roles.role is 'reader or staff; null: no posting yet';

grant select on discussion.comment_roles to btl_scheduler;
