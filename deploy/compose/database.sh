#!/usr/bin/env bash
# The monitor's PostgreSQL: made when there is none, then run. Usage: database.sh DATA SOCKETS
# It listens on a socket in the folder SOCKETS and on no network; who can reach the socket is user monitor, and needs no
# password. It is run by the user who owns DATA.
set -euo pipefail
data=$1 sockets=$2
programs=$(dirname "$(find /usr/lib/postgresql -name initdb | sort --version-sort | tail -n 1)")

if [ ! -s "$data/PG_VERSION" ]; then
  new=$data/new
  rm -rf "$new"
  "$programs/initdb" --pgdata="$new" --auth=reject --username=postgres --encoding=UTF8 --locale=C.UTF-8 --data-checksums > /dev/null
  printf 'local monitor monitor trust\nlocal all postgres peer\n' > "$new/pg_hba.conf"
  printf '%s\n' 'CREATE ROLE monitor LOGIN;' 'CREATE DATABASE monitor OWNER monitor;' |
    "$programs/postgres" --single -D "$new" postgres > /dev/null
  # PG_VERSION comes last: without it, the next start begins anew.
  find "$new" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$data" {} +
  sync -f "$data"
  mv "$new/PG_VERSION" "$data"
  rmdir "$new"
  sync -f "$data"
fi
exec "$programs/postgres" -D "$data" -c listen_addresses= -c unix_socket_directories="$sockets"
