-- Marks closed discussions with figures that are not final yet: the next closing run looks when
-- they become final.
-- Parameters: none. Grain: one row per article.
-- Safe to re-run: an article that is marked twice is looked at once.
insert into ingest.dirty_windows (article_id)
select closing_window.article_id
from discussion.windows as closing_window
where closing_window.state = 'closed'
    and not (closing_window.final and closing_window.reactions_final)
