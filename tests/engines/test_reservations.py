# SPDX-License-Identifier: Apache-2.0
"""Reservations: a share for all, more where the process has room, given back when forgotten."""

from __future__ import annotations

import pytest

from semcube.engines import memory, reservations
from semcube.engines.reservations import PROCESS, Reservation
from semcube.errors import QueryMemoryError

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservations, "resident_bytes", lambda: 0)
    monkeypatch.setattr(reservations, "_ledger", reservations._Ledger())
    monkeypatch.setattr(reservations, "give_back", lambda: None)


def resident(monkeypatch: pytest.MonkeyPatch, mebibytes: int) -> None:
    monkeypatch.setattr(reservations, "resident_bytes", lambda: mebibytes * MIB)


def test_a_share_is_given_whatever_the_process_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    resident(monkeypatch, 9999)
    first, second = Reservation(160, "a sort"), Reservation(160, "a join")
    assert first.fits(6 * MIB)
    assert not second.fits(6 * MIB)
    second.release()
    first.release()
    assert second.fits(6 * MIB)


def test_beyond_the_share_the_process_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    resident(monkeypatch, PROCESS // MIB + 100)
    rows = Reservation(160, "a sort", times=4)
    assert rows.fits(15 * MIB)
    assert not rows.fits(5 * MIB)
    with pytest.raises(QueryMemoryError, match=r"a sort holds 21 MiB of rows, more than memory_mb \(160 MiB\)"):
        rows.grow(1 * MIB)
    assert rows.held == 0


def test_what_a_program_held_before_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    resident(monkeypatch, 5000)
    monkeypatch.setattr(reservations, "_ledger", reservations._Ledger())
    rows = Reservation(160, "a sort")
    assert rows.fits(100 * MIB)
    resident(monkeypatch, 5200)
    assert not rows.fits(100 * MIB)


def test_where_the_system_does_not_tell_a_quarter_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    resident(monkeypatch, 0)
    assert Reservation(160, "a sort", times=2).fits(20 * MIB)
    assert not Reservation(160, "a sort", times=2).fits(21 * MIB)


def test_what_is_forgotten_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    resident(monkeypatch, 9999)
    rows = Reservation(160, "a sort", times=1.7)
    assert rows.fits(5_000_001)
    assert reservations._ledger.held == 5_000_001
    del rows
    assert (reservations._ledger.held, reservations._ledger.pending) == (0, 0)
    with Reservation(160, "a sort") as again:
        again.grow(7)
    assert reservations._ledger.held == 0


def test_what_is_only_kept_to_be_faster_is_forgotten_before_a_query_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class Keeper:
        def __init__(self) -> None:
            self.calls = 0

        def forget(self) -> None:
            self.calls += 1
            resident(monkeypatch, 100)

    keeper, gone = Keeper(), Keeper()
    for one in (keeper, gone):
        memory.forget_when_short(one.forget)
    del gone
    resident(monkeypatch, 9999)
    rows = Reservation(160, "a join")
    assert not rows.fits(20 * MIB)
    assert keeper.calls == 0
    rows.grow(20 * MIB)
    assert keeper.calls == 1
    rows.release()


def test_a_process_that_is_too_large_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(reservations, "give_back", lambda: calls.append(1))
    resident(monkeypatch, 160 + PROCESS // MIB)
    reservations.stay_within(160)
    assert not calls
    resident(monkeypatch, 161 + PROCESS // MIB)
    reservations.stay_within(160)
    reservations.stay_within(160)  # not twice in a second
    assert calls == [1]
