-- How the rows of one person are found among millions. An index of such a kind names the parts of a
-- table in which an id may be: it is a few thousandths of the table's size, and costs a consumer
-- nearly nothing, because new parts are added to it later.
create index comments_by_user on discussion.comments
using brin (user_id text_bloom_ops) with (pages_per_range = 64, autosummarize = on);
create index reports_by_user on discussion.reports
using brin (reporter_user_id text_bloom_ops) with (pages_per_range = 64, autosummarize = on);
create index reports_by_anonymous on discussion.reports
using brin (reporter_anonymous_id text_bloom_ops) with (pages_per_range = 64, autosummarize = on);
create index reactions_by_user on discussion.reactions
using brin (user_id text_bloom_ops) with (pages_per_range = 64, autosummarize = on);

alter table ingest.dead_letters add column erased_at timestamptz;

comment on column ingest.dead_letters.erased_at is
'When its record was wiped, because a person or comment is erased; null: it was not';
