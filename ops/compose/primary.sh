#!/bin/sh
# Runs once, when the data folder of the first primary is made: roles, databases and settings. A standby copies all of it.
set -eu

psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\set service `cat /run/secrets/service-password`
\set standby `cat /run/secrets/standby-password`
CREATE ROLE opencredits LOGIN PASSWORD :'service';
CREATE ROLE standby LOGIN REPLICATION PASSWORD :'standby';
CREATE DATABASE opencredits OWNER opencredits;
CREATE DATABASE opencredits_test OWNER opencredits;

-- Two gateways and a worker have 24 connections to each of two databases.
ALTER SYSTEM SET max_connections = 300;
ALTER SYSTEM SET shared_buffers = '512MB';
ALTER SYSTEM SET max_wal_size = '4GB';
-- A gateway that vanished in a transaction does not lock accounts for longer.
ALTER SYSTEM SET idle_in_transaction_session_timeout = '10s';
ALTER SYSTEM SET tcp_keepalives_idle = 30;
ALTER SYSTEM SET tcp_keepalives_interval = 10;
ALTER SYSTEM SET tcp_keepalives_count = 3;
-- What is kept for a standby that is away does not fill the disk.
ALTER SYSTEM SET max_slot_wal_keep_size = '8GB';
-- From the next start on, each durable commit waits for the standby.
ALTER SYSTEM SET synchronous_standby_names = 'standby';
SQL

echo 'host replication standby samenet scram-sha-256' >> "$PGDATA/pg_hba.conf"
