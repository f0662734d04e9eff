#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compare relations, constructions and measures with PostGIS on random geometries of every pair of types.
# Usage: tests/geometry/peers/postgis.sh [pairs for each pair of types] [seed]
# Installs PostgreSQL and PostGIS by apt where they are missing (as root, Debian or Ubuntu), then runs a server of its
# own in a temporary folder. PYTHON names the interpreter that has semcube.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if ! ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1; then
  apt-get update -q
  apt-get install -y -q --no-install-recommends postgresql postgresql-postgis
fi
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
data=$(mktemp -d)
run() {
  if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "$1"; else sh -c "$1"; fi
}
[ "$(id -u)" = 0 ] && chown postgres "$data"
trap 'run "$bin/pg_ctl -D $data/db -m immediate stop >/dev/null"; rm -rf "$data"' EXIT
run "$bin/initdb -D $data/db -A trust >/dev/null"
run "$bin/pg_ctl -w -D $data/db -o \"-c listen_addresses='' -k $data -c fsync=off\" -l $data/log start >/dev/null"
chmod 711 "$data"
psql="$bin/psql -h $data -U postgres -q -v ON_ERROR_STOP=1"
$psql -c "CREATE EXTENSION postgis" postgres
${PYTHON:-python} "$here/postgis.py" "$psql postgres" "${1:-20}" "${2:-1}"
