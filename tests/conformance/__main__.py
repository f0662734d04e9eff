# SPDX-License-Identifier: Apache-2.0
"""Run the W3C SPARQL 1.1 suite over HTTP and print (``--write``: put into docs/conformance.md) what passed."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance.over_http import endpoint, suite_cases
from tests.conftest import ROOT, shared_folder

if TYPE_CHECKING:
    from semcube.sparql.context import PushDown

PAGE = ROOT / "docs" / "conformance.md"
MARK = "<!-- the table below is written by python -m tests.conformance --write -->"


EARL = """@prefix earl: <http://www.w3.org/ns/earl#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
<urn:semcube> a earl:Software, earl:TestSubject, doap:Project ; doap:name "semcube" ;
  doap:release [ doap:revision "VERSION" ] .
"""
ASSERTION = """[] a earl:Assertion ; earl:assertedBy <urn:semcube> ; earl:mode earl:automatic ;
  earl:subject <urn:semcube> ; earl:test <TEST> ; earl:result [ a earl:TestResult ; earl:outcome earl:OUTCOME ;
    dcterms:date "DATE"^^<http://www.w3.org/2001/XMLSchema#date> ] .
"""


def assertion(test: str, outcome: str) -> str:
    """One result in the W3C's Evaluation and Report Language."""
    today = datetime.now(UTC).date().isoformat()
    return ASSERTION.replace("TEST", test).replace("OUTCOME", outcome).replace("DATE", today)


def run(suite: Path, push_down: PushDown, earl: list[str]) -> tuple[dict[str, Counter[str]], list[str], float]:
    """Passed and failed tests of each folder, what failed and why, seconds; ``earl`` gets an assertion for each."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    failures = []
    started = time.monotonic()
    with endpoint(push_down) as server:
        for folder, case in suite_cases(suite):
            try:
                server.run(case)
            except Exception as error:
                counts[folder]["failed"] += 1
                earl.append(assertion(case.iri, "failed"))
                failures.append(f"{folder}/{case.name}: {str(error).splitlines()[0] if str(error) else type(error)}")
            else:
                counts[folder]["passed"] += 1
                earl.append(assertion(case.iri, "passed"))
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
    parser.add_argument("--earl", type=Path, help="write the results in EARL (Turtle) to this file")
    options = parser.parse_args()
    folder = shared_folder()
    if folder is None:
        sys.exit("the suite is absent; put it beside the checkout as 'shared/suites/sparql11' or set SEMCUBE_SHARED")
    earl: list[str] = []
    counts, failures, seconds = run(folder / "suites" / "sparql11", options.push, earl)
    if options.earl is not None:
        from semcube import __version__

        options.earl.write_text(EARL.replace("VERSION", __version__) + "".join(earl), encoding="utf-8")
    text = table(counts, failures)
    print(f"{text}\n{seconds:.0f} s")
    if options.write:
        head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
        PAGE.write_text(f"{head}{MARK}\n\n{text}", encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
