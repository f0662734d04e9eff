# SPDX-License-Identifier: Apache-2.0
"""Which endpoints SERVICE may ask."""

from __future__ import annotations

import pytest

from semcube.errors import RemoteError, UsageError
from semcube.server.services import services


@pytest.mark.parametrize(
    "url",
    [
        "http://allowed.example.evil.org/sparql",
        "http://allowed.example@evil.org/sparql",
        "https://allowed.example/sparql",
        "http://allowed.example:81/sparql",
        "http://allowed.example/other",
        "file:///etc/passwd",
        "",
    ],
)
def test_others_are_refused(url: str) -> None:
    find = services(["http://allowed.example/sparql"])
    with pytest.raises(RemoteError, match="--allow-service"):
        find(url)


@pytest.mark.parametrize("start", ["allowed.example", "file:///", "http://"])
def test_a_start_needs_scheme_and_host(start: str) -> None:
    with pytest.raises(UsageError):
        services([start])
