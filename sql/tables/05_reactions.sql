-- Reactions to comments.
create table discussion.reactions (
    article_id text collate "C" not null,
    comment_id text collate "C" not null,
    user_id text collate "C" not null,
    reaction text collate "C" not null,
    is_on boolean not null,
    state_version bytea not null,
    first_added_at timestamptz,
    primary key (article_id, comment_id, user_id, reaction)
);

comment on table discussion.reactions is
'One row per article, comment, user and reaction. Registers: on or off (greatest version) and '
'first added (least time).';
comment on column discussion.reactions.user_id is 'Who reacted';
comment on column discussion.reactions.reaction is 'The reaction, a short token';
comment on column discussion.reactions.is_on is 'Whether the reaction is on now';
comment on column discussion.reactions.state_version is 'Version of the last change';
comment on column discussion.reactions.first_added_at is
'When it was first added; null: only removed';

grant select, insert, update on discussion.reactions to btl_ingest;
grant select on discussion.reactions to btl_scheduler;
