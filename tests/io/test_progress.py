# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import sys
from subprocess import run

import pytest

from semcube.io import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_steps_are_counted_and_nothing_is_written_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("loading", unit="triples") as progress:
        progress.advance(3)
        progress.advance(4)
    assert progress.done == 7
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("quiet", "shown"), [(False, True), (True, False)])
def test_a_terminal_sees_a_bar_unless_quiet(monkeypatch: pytest.MonkeyPatch, quiet: bool, shown: bool) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Progress("loading", total=10, unit="triples", quiet=quiet) as progress:
        progress.advance(10)
    assert ("loading" in terminal.getvalue()) is shown


def test_rich_is_not_imported_without_a_terminal() -> None:
    code = "import sys; from semcube.io import Progress\nwith Progress('x'): pass\nprint('rich' in sys.modules)"
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
