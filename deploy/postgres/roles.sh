#!/bin/sh
# Run once by the Postgres image, as superuser, when its data folder is new: the roles with login and password, our database
# and Airflow's. The tables themselves are made by `btl migrate` as btl_owner, on every start.
set -eu

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
    --set=owner="$OWNER_PASSWORD" \
    --set=ingest="$INGEST_PASSWORD" \
    --set=scheduler="$SCHEDULER_PASSWORD" \
    --set=reader="$READER_PASSWORD" \
    --set=moderator="$MODERATOR_PASSWORD" \
    --set=airflow="$AIRFLOW_DATABASE_PASSWORD" <<'SQL'
create role btl_owner login createrole password :'owner';
create role btl_ingest login password :'ingest';
create role btl_scheduler login password :'scheduler';
create role btl_reader login password :'reader';
create role btl_moderator login password :'moderator';
create role airflow login password :'airflow';

create database below_the_line owner btl_owner;
revoke all on database below_the_line from public;
grant connect, temporary on database below_the_line to btl_owner, btl_ingest, btl_scheduler, btl_reader, btl_moderator;

create database airflow owner airflow;
revoke all on database airflow from public;
SQL
