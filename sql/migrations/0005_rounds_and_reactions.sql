-- Definitions of rounds of reports and of the time for reactions changed: marks what they change.
comment on column discussion.windows.reactions_close_at is
'closes_at plus the rule''s hours for reactions, a week where no rule is in force; null: no end';

insert into ingest.dirty_windows (article_id)
select endless.article_id
from discussion.windows as endless
where endless.closes_at is not null and endless.reactions_close_at is null;

insert into ingest.dirty_articles (article_id)
select engagement.article_id
from metrics.article_engagement as engagement;
