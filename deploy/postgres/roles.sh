#!/bin/sh
# The Postgres image runs this once, as superuser, when its data folder is new. It creates the roles
# with login and password, the project's database and Airflow's. `btl migrate` creates the tables, as
# btl_owner, on every start.
set -eu

: "${OWNER_PASSWORD:?}" "${INGEST_PASSWORD:?}" "${REDRIVE_PASSWORD:?}" "${SCHEDULER_PASSWORD:?}" "${READER_PASSWORD:?}" "${MODERATOR_PASSWORD:?}"
: "${AIRFLOW_DATABASE_PASSWORD:?}"

# psql reads the passwords from its environment, since other users can see arguments.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv owner OWNER_PASSWORD
\getenv ingest INGEST_PASSWORD
\getenv redrive REDRIVE_PASSWORD
\getenv scheduler SCHEDULER_PASSWORD
\getenv reader READER_PASSWORD
\getenv moderator MODERATOR_PASSWORD
\getenv airflow AIRFLOW_DATABASE_PASSWORD
create role btl_owner login createrole password :'owner';
create role btl_ingest login password :'ingest';
create role btl_redrive login password :'redrive';
create role btl_scheduler login password :'scheduler';
create role btl_reader login password :'reader';
create role btl_moderator login password :'moderator';
create role airflow login password :'airflow';

create database below_the_line owner btl_owner;
revoke all on database below_the_line from public;
grant connect on database below_the_line to btl_owner, btl_ingest, btl_redrive, btl_scheduler, btl_reader, btl_moderator;
grant temporary on database below_the_line to btl_owner, btl_ingest, btl_redrive, btl_scheduler;

create database airflow owner airflow;
revoke all on database airflow from public;
SQL
