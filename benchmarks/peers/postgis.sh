#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL with PostGIS (Debian packages; needs root where they are absent), and a client in an environment of its own.
# The benchmark makes its own cluster in its work folder and talks to it by a socket there.
set -euo pipefail
cache=$(cd "$(dirname "$0")/.." && pwd)/.cache
if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || ! ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1; then
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends postgresql postgresql-postgis
fi
python3 -m venv "$cache/postgis"
"$cache/postgis/bin/python" -m pip install --quiet 'psycopg[binary]' duckdb
