#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All peers into benchmarks/.cache; one that cannot be installed is named, and the benchmark goes on without it.
here=$(cd "$(dirname "$0")" && pwd)
failed=()
for peer in java sedonadb postgis virtuoso; do
  "$here/$peer.sh" || failed+=("$peer")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "not installed: ${failed[*]}" >&2
  exit 1
fi
