#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every page of docs/benchmarks from one command; about 25 minutes on two quiet cores. Peers that are not installed are
# left out (benchmarks/peers/install.sh). Names of stages as arguments run only these; `real` needs the real data sets
# and is not among those that run by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
bench() { "$python" -m benchmarks --timeout 10 "$@" >/dev/null; }
run() {
  case $1 in
    million) bench --full --budget 90 --cold L1 S11 J03 ;;                        # every peer, a million triples
    small) bench --divide 100 --engines "hand plan" semcube postgis sedonadb virtuoso --budget 45 ;;
    four) bench -n 500 --engines "hand plan" semcube postgis sedonadb --budget 70 ;;
    tenth) bench -n 80 ;;
    sixteen) bench -n 1000 --runs 3 --timeout 20 ;;
    real) bench --set real --full --budget 90 --runs 3 ;;
    concurrency) "$python" -m benchmarks.concurrency ;;
    *) echo "no stage $1" >&2; exit 2 ;;
  esac
}
[ $# -gt 0 ] || set -- tenth million small four sixteen concurrency
failed=0
for stage in "$@"; do
  begun=$SECONDS
  run "$stage" || { echo "$stage: answers of semcube differ, or the stage failed" >&2; failed=1; }
  echo "$stage: $((SECONDS - begun)) s" >&2
done
"$python" -m benchmarks report
exit "$failed"
