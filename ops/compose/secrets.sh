#!/bin/sh
# Makes the secrets of this installation in secrets/. What is there stays: run it again after an upgrade. Keep a copy of the folder
# elsewhere: without address-keys nobody can be written to.
set -eu
cd "$(dirname "$0")"
mkdir -p -m 0700 secrets
mkdir -p roles

# 64 hexadecimal digits.
new_secret() {
    [ -e "secrets/$1" ] || { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; echo; } > "secrets/$1"
}

# Both servers: that of the two which takes writes is the primary. One that does not answer within two seconds is passed over.
new_url() {
    [ -e "secrets/$1" ] || printf 'postgres://opencredits:%s@database-one,database-two/%s?target_session_attrs=read-write&connect_timeout=2\n' \
        "$(cat secrets/service-password)" "$2" > "secrets/$1"
}

for name in postgres-password service-password standby-password identity-hash identity-links address-keys; do
    new_secret "$name"
done
new_url database-url opencredits
new_url test-database-url opencredits_test
# Each container reads its own as another user. The folder keeps everybody else out.
chmod 0444 secrets/*
