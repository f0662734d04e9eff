# SPDX-License-Identifier: Apache-2.0
"""Where the shared test data is, and what a test does without it."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# a loaded machine is no error, and CI says the same of the same code: new examples are tried wherever else tests run
settings.register_profile("semcube", deadline=None, derandomize=os.environ.get("SEMCUBE_SAME_EXAMPLES") == "1")
settings.load_profile("semcube")

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The folder of shared data and suites: ``$SEMCUBE_SHARED``, else ``shared`` beside the checkout."""
    named = os.environ.get("SEMCUBE_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None


def skip_or_fail(reason: str) -> None:
    """Skip a test, except where ``SEMCUBE_NO_SKIP=1`` forbids it."""
    if os.environ.get("SEMCUBE_NO_SKIP") == "1":
        pytest.fail(f"SEMCUBE_NO_SKIP is set, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data; the test is skipped where it is absent."""
    folder = shared_folder()
    if folder is None:
        skip_or_fail("the shared test data is absent; put it beside the checkout as 'shared' or set SEMCUBE_SHARED")
    assert folder is not None
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where ``SEMCUBE_NO_SKIP=1`` forbids skipping, a skipped test has failed, whatever made it skip."""
    report = yield
    if os.environ.get("SEMCUBE_NO_SKIP") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"SEMCUBE_NO_SKIP is set, but {item.nodeid} skipped: {report.longrepr}"
    return report
