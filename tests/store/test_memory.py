# SPDX-License-Identifier: Apache-2.0
"""A process that is asked too much stays within its setting."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MEMORY_MB, PROCESS_MB = 256, 250

SCRIPT = r"""
import json, re, sys
from pathlib import Path
from semcube.config import Settings
from semcube.errors import LimitError
from semcube.store import Store

store = Store.in_memory(settings=Settings(threads=2, memory_mb=int(sys.argv[2])))
store.update("INSERT DATA { " + " ".join(f"<http://e/{n}> <http://e/p> 'text {n}' ." for n in range(6000)) + " }")
ended = "with all rows"
try:
    if sys.argv[1].startswith("INSERT"):
        store.update(sys.argv[1], timeout=0.7)
    else:
        with store.query(sys.argv[1], timeout=0.7) as result:
            for _ in result.stream("csv"):
                pass
except LimitError as error:
    ended = type(error).__name__
# not ru_maxrss, which begins with the size of the process that started this one
peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps([ended, peak]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system tells no peak")
@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?a ?p ?b . ?c ?q ?d } ORDER BY ?b ?d",
        "SELECT ?a ?c (SUM(STRLEN(?b)) AS ?n) { ?a ?p ?b . ?c ?q ?d } GROUP BY ?a ?c",
        "INSERT { ?a <http://e/q> ?d } WHERE { ?a ?p ?b . ?c ?q ?d }",
    ],
)
def test_too_much_is_bounded(text: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, text, str(MEMORY_MB)], capture_output=True, text=True, check=True, timeout=60
    )
    ended, peak = json.loads(run.stdout)
    assert ended in ("QueryTimeoutError", "QueryMemoryError")
    assert peak < MEMORY_MB + PROCESS_MB
