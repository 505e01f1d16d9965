#!/bin/sh
# Starts PostgreSQL. Where this server follows another one, it is its standby: it copies that one into an empty data folder, and follows
# it. Otherwise it is the primary. The file with its name in roles/ says so, and before there is one, FOLLOWS does.
set -eu
umask 077

role=/opencredits/roles/$SERVER
if [ -e "$role" ]; then
    follows=$(cat "$role")
else
    follows=$FOLLOWS
fi
passwords=/tmp/standby.pgpass

copied() {
    pg_basebackup --dbname "host=$follows user=standby application_name=standby passfile=$passwords connect_timeout=5" \
        --pgdata "$PGDATA" --checkpoint fast --wal-method stream --write-recovery-conf --slot standby --no-password "$@"
}

if [ -n "$follows" ]; then
    printf '*:*:*:standby:%s\n' "$(cat /run/secrets/standby-password)" > "$passwords"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        # The slot may be there from an attempt before.
        until copied --create-slot || copied; do
            echo "$follows cannot be copied yet" >&2
            sleep 2
        done
        # Should it become the primary, it has no standby at first.
        echo "synchronous_standby_names = ''" >> "$PGDATA/postgresql.auto.conf"
    elif [ ! -e "$PGDATA/standby.signal" ]; then
        echo "this server was a primary and has other data than $follows; rejoin.sh copies them anew" >&2
        exit 1
    fi
fi
exec docker-entrypoint.sh postgres
