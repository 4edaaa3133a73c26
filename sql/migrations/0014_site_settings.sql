-- Settings that all processes must agree on. They were read from each process's environment.
create table below_the_line.settings (
    setting_id bigint generated always as identity,
    name text collate "C" not null,
    value text not null,
    set_at timestamptz not null default clock_timestamp(),
    set_by text not null,
    note text not null,
    check (name in ('site_timezone', 'close_delay', 'grace', 'consumer_group')),
    primary key (setting_id)
);

comment on table below_the_line.settings is
'Settings that all processes must agree on, append-only: the last row of a name counts. `btl '
'migrate` writes the first ones, `btl settings set` the others.';
comment on column below_the_line.settings.setting_id is 'Order of writing';
comment on column below_the_line.settings.name is
'The environment variable in lower case, without BTL_';
comment on column below_the_line.settings.value is 'The value; durations in seconds';
comment on column below_the_line.settings.set_at is 'When it was set';
comment on column below_the_line.settings.set_by is 'Who set it';
comment on column below_the_line.settings.note is 'Why, or where the value came from';

comment on schema below_the_line is
'Which files of sql/ made this database, and its settings that all processes must agree on';

grant select on below_the_line.settings to public;
