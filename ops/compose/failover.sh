#!/bin/sh
# Makes the standby the primary, after the primary was lost. Nothing that was acknowledged as durable is lost.
set -eu
cd "$(dirname "$0")"

# At first database-two follows database-one.
mkdir -p roles
if [ -s roles/database-one ]; then
    before=database-two after=database-one
else
    before=database-one after=database-two
fi
is_standby() {
    docker compose exec --no-TTY "$1" psql --username postgres --tuples-only --no-align --command 'SELECT pg_is_in_recovery()'
}

if [ "$(is_standby "$after")" != t ]; then
    echo "$after is no standby that could take over; nothing was changed" >&2
    exit 1
fi
# First of all, so that no start of the old primary takes writes beside the new one.
echo "$after" > "roles/$before"
: > "roles/$after"
docker compose rm --force --stop "$before"
docker compose exec --no-TTY "$after" psql --username postgres --command 'SELECT pg_promote()'
echo "$after is the primary and has no standby; rejoin.sh makes $before one"
