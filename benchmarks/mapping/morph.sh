#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# morph-kgc in a virtual environment of its own.
set -euo pipefail
cache=$(cd "$(dirname "$0")/.." && pwd)/.cache
python3 -m venv "$cache/morph-kgc"
"$cache/morph-kgc/bin/python" -m pip install --quiet morph-kgc==2.10.0
