# SPDX-License-Identifier: Apache-2.0
"""Everything a user can call is documented, and what the documentation shows runs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"


def test_reference_is_up_to_date() -> None:
    """Commands, options, routes, functions, settings and Python names: the pages are what the code says now."""
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr + "run: python docs/generate.py"


def test_every_command_option_has_help() -> None:
    page = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", page, flags=re.MULTILINE)
    assert len(rows) > 30
    assert [name for name, text in rows if not text.strip()] == []


def test_every_function_row_is_documented() -> None:
    from semcube.sparql.functions import table

    assert [row.name for row in table() if not row.doc.strip()] == []


def test_every_public_name_has_a_docstring() -> None:
    import semcube

    things = {name: getattr(semcube, name) for name in semcube.__all__}
    callables = {name: thing for name, thing in things.items() if inspect.isclass(thing) or inspect.isfunction(thing)}
    assert [name for name, thing in callables.items() if not inspect.getdoc(thing)] == []


def code_blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of each page that has blocks of a language, joined in order."""
    found = []
    for page in sorted((DOCS / "tutorials").glob("*.md")):
        blocks = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        if blocks:
            found.append((page.name, "\n".join(blocks)))
    return found


@pytest.mark.parametrize(("page", "text"), code_blocks("python"), ids=lambda v: v if v.endswith(".md") else "")
def test_tutorials_python_runs(page: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(text, page, "exec"), {"__name__": "__tutorial__"})


@pytest.mark.parametrize(("page", "text"), code_blocks("sh"), ids=lambda v: v if v.endswith(".md") else "")
def test_tutorials_shell_runs(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}"
    script = f'set -eu\nPATH="{path}:$PATH"\n{text}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{page}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
