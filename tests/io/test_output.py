# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from semcube.errors import OutputError
from semcube.io import replacing
from semcube.io.output import output_errors


def test_success_replaces_the_file_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    target.chmod(0o640)
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("failure", [RuntimeError("x"), KeyboardInterrupt()])
def test_failure_leaves_the_old_file_and_no_other(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        half()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    with replacing(tmp_path / "link.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_missing_folder_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder does not exist"), replacing(tmp_path / "no" / "a.txt"):
        raise AssertionError("the body must not run")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder"), replacing(tmp_path):
        raise AssertionError("the body must not run")


def test_a_special_file_is_written_as_it_is() -> None:
    with replacing(os.devnull) as temporary:
        assert temporary == Path(os.devnull)
    assert Path(os.devnull).exists()


def test_a_full_disk_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="the disk is full"), output_errors("a.nt"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_closed_pipe_is_no_output_error() -> None:
    with pytest.raises(BrokenPipeError), output_errors("-"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
