-- A view, so that the quality gate finds such comments without reading texts.
create or replace view discussion.edits_without_event as
select
    coalesce(comment.article_id, event.article_id) as article_id,
    coalesce(comment.comment_id, event.comment_id) as comment_id,
    comment.edited_at,
    event.edited_at as edited_at_of_event
from (
    select
        edited.article_id,
        edited.comment_id,
        edited.edited_body,
        edited.edited_at,
        edited.edited_version,
        edited.erased_at
    from discussion.comments as edited
    where edited.edited_version is not null or edited.edited_at is not null
) as comment
full join (
    select distinct on (listed.article_id, listed.comment_id)
        listed.article_id,
        listed.comment_id,
        listed.body,
        listed.edited_at,
        listed.version
    from discussion.comment_edits as listed
    order by listed.article_id, listed.comment_id, listed.version desc
) as event on event.article_id = comment.article_id and event.comment_id = comment.comment_id
where (comment.edited_version, comment.edited_body, comment.edited_at)
    is distinct from (event.version, event.body, event.edited_at)
    and (
        comment.erased_at is null
        or not exists (
            select from ingest.erasures as pending
            where pending.completed_at is null
        )
    );

comment on view discussion.edits_without_event is
'Comments whose text is not that of their last edit. Nobody but a hand makes one. Erased comments '
'are left out while an erasure is being carried out, because their edits are erased last.';
comment on column discussion.edits_without_event.article_id is 'The article';
comment on column discussion.edits_without_event.comment_id is 'The comment';
comment on column discussion.edits_without_event.edited_at is 'When its row says it was edited';
comment on column discussion.edits_without_event.edited_at_of_event is
'When its last edit says it was; null: there is none';

grant select on discussion.edits_without_event to btl_scheduler;
