#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Virtuoso from its Debian package, unpacked into benchmarks/.cache: nothing is installed in the system.
set -euo pipefail
cache=$(cd "$(dirname "$0")/.." && pwd)/.cache/virtuoso
mkdir -p "$cache"
cd "$cache"
apt-get download virtuoso-opensource-7-bin libpcre3
for package in *.deb; do dpkg -x "$package" root; done
