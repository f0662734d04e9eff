# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: what it exports, what importing it costs, how its files are kept."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "semcube"
HEAVY = {"pandas", "geopandas", "xarray", "pyspark", "duckdb", "rdflib", "rasterio", "netCDF4", "zarr", "sedona"}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "node_modules" not in p.parts)


@pytest.mark.parametrize(
    "statement", ["import semcube", "import semcube.cli.app", "import semcube.errors, semcube.config"]
)
def test_importing_is_light(statement: str) -> None:
    code = f"{statement}; import sys; print(','.join(sorted({HEAVY!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_help_is_light() -> None:
    code = (
        "import sys; sys.argv = ['semcube', '--help']\n"
        "from semcube.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "transform" in done.stdout
    assert done.stdout.strip().endswith("LOADED []")


def test_exported_names_exist_and_are_all() -> None:
    import semcube

    assert set(semcube.__all__) >= {"Dataset", "Engine", "Result", "Store", "open", "transform"}
    for name in semcube.__all__:
        assert getattr(semcube, name) is not None
    assert set(semcube.__all__) <= set(dir(semcube))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_are_small_and_marked(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == "# SPDX-License-Identifier: Apache-2.0"
    assert len(lines) <= 500
    tree = ast.parse(text)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {f.name: body_lines(f) for f in functions if body_lines(f) > 50} == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body; its signature and docstring are not code."""
    first, *rest = function.body
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if has_docstring and not rest:
        return 0
    start = rest[0].lineno if has_docstring else first.lineno
    return (function.end_lineno or start) - start + 1


def test_locks_record_no_addresses() -> None:
    locks = [*ROOT.glob("requirements/*.txt"), *PACKAGE.glob("web/frontend/package-lock.json")]
    assert len(locks) >= 3
    assert [path.name for path in locks if "://" in path.read_text(encoding="utf-8")] == []
