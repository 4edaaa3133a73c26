-- Makes the index by which people are found.
-- Parameters: none.
-- Safe to re-run: only on a new file of facts.
create unique index people_by_id on people (user_id)
