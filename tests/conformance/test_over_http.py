# SPDX-License-Identifier: Apache-2.0
"""Every evaluation and syntax test of the W3C SPARQL 1.1 suite, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.manifest import Case
from tests.conformance.over_http import Endpoint, endpoint, suite_cases
from tests.conftest import shared_folder

FOLDER = shared_folder()
CASES = suite_cases(FOLDER / "suites" / "sparql11") if FOLDER else []


@pytest.fixture(scope="module", params=["auto", "off", "forced"])
def server(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """A server that lets the store take over what pays, nothing, or whatever it can."""
    with endpoint(request.param) as opened:
        yield opened


@pytest.mark.shared
@pytest.mark.parametrize(("folder", "case"), CASES, ids=[f"{f}/{c.action.stem}-{c.name}" for f, c in CASES])
def test_over_http(server: Endpoint, folder: str, case: Case) -> None:
    server.run(case)


@pytest.mark.shared
def test_the_suite_is_whole(shared: Path) -> None:
    assert len(CASES) == len(suite_cases(shared / "suites" / "sparql11")) > 450
