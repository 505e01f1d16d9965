#!/bin/sh
# Makes the former primary the standby of the new one. The data of the former primary are deleted and copied anew.
set -eu
cd "$(dirname "$0")"

if [ -s roles/database-one ]; then
    primary=database-two standby=database-one
else
    primary=database-one standby=database-two
fi

ask() {
    docker compose exec --no-TTY "$primary" psql --username postgres --tuples-only --no-align --command "$1"
}

if [ "$(ask 'SELECT pg_is_in_recovery()')" != f ]; then
    echo "$primary is no primary; nothing was changed" >&2
    exit 1
fi
# No commit waits for a standby that is not there yet.
ask "ALTER SYSTEM SET synchronous_standby_names = ''"
ask 'SELECT pg_reload_conf()'
docker compose rm --force --stop "$standby"
docker volume rm --force "opencredits_$standby"
docker compose up --detach --no-deps "$standby"
until [ "$(ask "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'standby' AND state = 'streaming'")" = 1 ]; do
    sleep 1
done
ask "ALTER SYSTEM SET synchronous_standby_names = 'standby'"
ask 'SELECT pg_reload_conf()'
echo "$standby is the standby of $primary, and each durable commit waits for it"
