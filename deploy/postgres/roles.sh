#!/bin/sh
# The Postgres image runs this once, as superuser, when its data folder is new. It creates the roles
# with login and password, the project's database and Airflow's. `btl migrate` creates the tables, as
# btl_owner, on every start.
set -eu

: "${OWNER_PASSWORD:?}" "${INGEST_PASSWORD:?}" "${REDRIVE_PASSWORD:?}" "${ERASE_PASSWORD:?}" "${SCHEDULER_PASSWORD:?}" "${READER_PASSWORD:?}" "${MODERATOR_PASSWORD:?}"
: "${AIRFLOW_DATABASE_PASSWORD:?}"

# psql reads the passwords from its environment, since other users can see arguments.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv owner OWNER_PASSWORD
\getenv ingest INGEST_PASSWORD
\getenv redrive REDRIVE_PASSWORD
\getenv erase ERASE_PASSWORD
\getenv scheduler SCHEDULER_PASSWORD
\getenv reader READER_PASSWORD
\getenv moderator MODERATOR_PASSWORD
\getenv airflow AIRFLOW_DATABASE_PASSWORD
create role btl_owner login createrole password :'owner';
create role btl_ingest login password :'ingest';
create role btl_redrive login password :'redrive';
create role btl_erase login password :'erase';
create role btl_scheduler login password :'scheduler';
create role btl_reader login password :'reader';
create role btl_moderator login password :'moderator';
-- The limits of below_the_line/database/roles.py.
alter role btl_reader connection limit 20;
alter role btl_reader set default_transaction_read_only = 'on';
alter role btl_reader set statement_timeout = '5min';
alter role btl_reader set lock_timeout = '10s';
alter role btl_reader set idle_in_transaction_session_timeout = '1min';
alter role btl_reader set idle_session_timeout = '1h';
alter role btl_moderator connection limit 20;
alter role btl_moderator set default_transaction_read_only = 'on';
alter role btl_moderator set statement_timeout = '5min';
alter role btl_moderator set lock_timeout = '10s';
alter role btl_moderator set idle_in_transaction_session_timeout = '1min';
alter role btl_moderator set idle_session_timeout = '1h';
create role airflow login password :'airflow';

create database below_the_line owner btl_owner;
revoke all on database below_the_line from public;
grant connect on database below_the_line to btl_owner, btl_ingest, btl_redrive, btl_erase, btl_scheduler, btl_reader, btl_moderator;
grant temporary on database below_the_line to btl_owner, btl_ingest, btl_redrive, btl_erase, btl_scheduler;

create database airflow owner airflow;
revoke all on database airflow from public;
SQL
