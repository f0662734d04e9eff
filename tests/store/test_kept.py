# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from semcube.store.kept import Kept


def asked(kept: Kept[int, int], keys: list[int], size: int = 10) -> int:
    """How many of some keys were found, where the others are read and put."""
    found = 0
    for key in keys:
        if kept.get(key) is not None:
            found += 1
        else:
            kept.put(key, -key, size)
    return found


def test_a_scan_of_more_than_there_is_room_for_finds_what_it_found_before() -> None:
    kept = Kept[int, int](70)
    everything = list(range(1, 11))
    assert [asked(kept, everything) for _ in range(5)] == [0, 7, 7, 7, 7]


def test_what_nobody_asks_for_goes_when_others_are_asked_for_twice() -> None:
    kept = Kept[int, int](70)
    for _ in range(3):
        asked(kept, [1, 2, 3, 4, 5, 6, 7])
    others = [11, 12, 13, 14, 15]
    assert [asked(kept, others) for _ in range(3)] == [0, 0, 5]
    assert asked(kept, [6, 7]) == 2


def test_what_other_queries_used_goes_at_once() -> None:
    kept = Kept[int, int](70)
    everything = list(range(1, 11))
    for expected in (0, 7, 7):
        kept.turn()
        assert asked(kept, everything) == expected
    kept.turn()
    others = list(range(21, 30))
    for expected in (0, 7, 7):
        kept.turn()
        assert asked(kept, others) == expected


def test_what_is_used_stays() -> None:
    kept = Kept[int, int](20)
    asked(kept, [1, 2])
    for key in range(10, 20):
        assert asked(kept, [1, 2, key]) == 2


def test_what_has_no_room_at_all_is_not_kept() -> None:
    kept = Kept[int, int](20)
    asked(kept, [1])
    for _ in range(3):
        assert not kept.put(5, -5, 21)
    assert kept.nbytes == 10
    assert list(kept) == [-1]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 12)), max_size=60))
def test_bytes_are_bounded_and_forgotten_things_are_told(steps: list[tuple[int, int]]) -> None:
    sizes: dict[int, int] = {}
    kept = Kept[int, int](30, lambda key, thing: sizes.pop(key) and None)
    for key, size in steps:
        found = kept.get(key)
        assert (found is not None) == (key in sizes)
        if found is None and kept.put(key, -key, size):
            sizes[key] = size
        assert kept.nbytes == sum(sizes.values()) <= 30
        assert sorted(-thing for thing in kept) == sorted(sizes)
    kept.clear()
    assert kept.nbytes == len(kept) == len(sizes) == 0
