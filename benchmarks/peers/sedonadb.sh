#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SedonaDB in a virtual environment of its own; answers come as Arrow tables, which needs geoarrow-pyarrow.
set -euo pipefail
cache=$(cd "$(dirname "$0")/.." && pwd)/.cache
python3 -m venv "$cache/sedonadb"
"$cache/sedonadb/bin/python" -m pip install --quiet sedonadb==0.5.0 pyarrow geoarrow-pyarrow
