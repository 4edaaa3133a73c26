-- Sets a setting. Parameters: name, value, set_by, note. Grain: one row.
-- Safe to re-run: the same value again is one more row of the history.
insert into below_the_line.settings (name, value, set_by, note)
values (%(name)s, %(value)s, %(set_by)s, %(note)s)
