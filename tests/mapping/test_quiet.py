# SPDX-License-Identifier: Apache-2.0
"""Nothing but the output is written to standard output, however long the engine works."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_every_connection_of_mappings_has_no_progress_bar() -> None:
    for folder in ("mapping", "io"):
        for path in sorted((ROOT / "semcube" / folder).glob("*.py")):
            text = re.sub(r"^\s*(>>>|\.\.\.).*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            opened = text.count("duckdb.connect(")
            assert text.count("SET enable_progress_bar = false") == opened, path.name
