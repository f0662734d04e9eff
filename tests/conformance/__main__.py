# SPDX-License-Identifier: Apache-2.0
"""Run the W3C SPARQL 1.1 suite over HTTP and print (``--write``: put into docs/conformance.md) what passed."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.over_http import endpoint, suite_cases
from tests.conftest import ROOT, shared_folder

if TYPE_CHECKING:
    from semcube.sparql.context import PushDown

PAGE = ROOT / "docs" / "conformance.md"
MARK = "<!-- the table below is written by python -m tests.conformance --write -->"


def run(suite: Path, push_down: PushDown) -> tuple[dict[str, Counter[str]], list[str], float]:
    """Passed and failed tests of each folder, what failed and why, seconds."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    failures = []
    started = time.monotonic()
    with endpoint(push_down) as server:
        for folder, case in suite_cases(suite):
            try:
                server.run(case)
            except Exception as error:
                counts[folder]["failed"] += 1
                failures.append(f"{folder}/{case.name}: {str(error).splitlines()[0] if str(error) else type(error)}")
            else:
                counts[folder]["passed"] += 1
    return counts, failures, time.monotonic() - started


def table(counts: dict[str, Counter[str]], failures: list[str]) -> str:
    """The result as Markdown."""
    lines = ["| folder of the suite | tests | passed |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {sum(c.values())} | {c['passed']} |" for name, c in sorted(counts.items())]
    tests, passed = sum(sum(c.values()) for c in counts.values()), sum(c["passed"] for c in counts.values())
    lines.append(f"| **all** | **{tests}** | **{passed}** |")
    return "\n".join([*lines, "", *(f"- {failure}" for failure in failures)]).rstrip() + "\n"


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/conformance.md")
    parser.add_argument("--push", choices=["auto", "off", "forced"], default="auto", help="what the store takes over")
    options = parser.parse_args()
    folder = shared_folder()
    if folder is None:
        sys.exit("the suite is absent; put it beside the checkout as 'shared/suites/sparql11' or set SEMCUBE_SHARED")
    counts, failures, seconds = run(folder / "suites" / "sparql11", options.push)
    text = table(counts, failures)
    print(f"{text}\n{seconds:.0f} s")
    if options.write:
        head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
        PAGE.write_text(f"{head}{MARK}\n\n{text}", encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
