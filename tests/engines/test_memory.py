# SPDX-License-Identifier: Apache-2.0
"""Freed memory goes back to the system."""

from __future__ import annotations

import sys
import time

import pytest

from semcube.engines.memory import MUCH, _Soon, give_back, resident_bytes, used_bytes
from tests.alone import in_own_process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the allocator of glibc")
SIZE = 300_000_000


def _freed_with_holes() -> list[bytearray]:
    """Frees many pieces and keeps one in 500, so that the allocator cannot shrink by itself."""
    pieces = [bytearray(1000) for _ in range(SIZE // 1000)]
    return pieces[::500]


@in_own_process
def test_free_memory_is_given_back_at_once() -> None:
    kept = _freed_with_holes()
    full = resident_bytes()
    assert resident_bytes() - used_bytes() > SIZE * 0.8
    give_back()
    assert resident_bytes() < full - SIZE * 0.8
    assert len(kept) == 600


@in_own_process
def test_free_memory_is_given_back_soon_if_there_is_much() -> None:
    give_back()
    before = resident_bytes()
    kept = _freed_with_holes()
    assert resident_bytes() > before + SIZE * 0.8 > before + MUCH
    soon = _Soon()
    for _ in range(1000):
        soon.ask()
    deadline = time.monotonic() + 10
    while resident_bytes() > before + SIZE * 0.2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert resident_bytes() < before + SIZE * 0.2
    assert len(kept) == 600
