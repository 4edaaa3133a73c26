-- A new rule marks the articles that it may change. It waits for a closing run that is under way
-- (same lock), because it cannot see the windows that this run writes.
create or replace function discussion.mark_articles_of_rule() returns trigger
language plpgsql
as $$
begin
    perform from ingest.locks where name = 'closing' for update;
    insert into ingest.dirty_windows (article_id)
    select closing_window.article_id
    from discussion.windows as closing_window
    where closing_window.opens_at >= new.valid_from
        and (new.site is null or closing_window.site = new.site)
        and (new.section is null or closing_window.section = new.section);
    return null;
end
$$;

comment on function discussion.mark_articles_of_rule is
'Marks the windows that a new rule may change, for the next closing run.';

create or replace trigger mark_articles_of_rule after insert on discussion.closing_rules
for each row execute function discussion.mark_articles_of_rule();
